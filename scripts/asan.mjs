// Runs the tests of the binding to TensorFlow under the address sanitizer, compiled with warnings as errors into a folder
// of its own; then traces, runs and reads in a process that ends by itself, and looks for leaks of ours there: a worker
// of the tests is killed, and Node and TensorFlow free little at their end. Needs g++ with libasan, and two to eight
// minutes.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from '@kd/engine-tensorflow';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const TESTS = ['native', 'trace', 'own-kernels', 'own-convolutions', 'compile/compile', 'compile/in-place'].map(
  (name) => `packages/engine-tensorflow/src/${name}.test.ts`,
);
for (const file of TESTS)
  if (!existsSync(join(root, file))) throw new Error(`${file} is gone: name its successor here`);
const ROUNDS = `
import { tensorflow } from '@kd/engine-tensorflow';
import * as tf from '@tensorflow/tfjs-core';
await tensorflow().start();
const { binding } = tf.backend();
for (let i = 0; i < 50; ++i) {
  const x = binding.createTensor([2], binding.TF_FLOAT, new Float32Array([i, 1]));
  const text = binding.createTensor([1], binding.TF_STRING, [new Uint8Array(1000)]);
  await binding.tensorData(text);
  binding.beginTrace();
  const input = binding.traceInput(binding.TF_FLOAT, [2]);
  const y = binding.executeOp('Neg', [], [input], 1)[0].id;
  if (i % 2) binding.abortTrace();
  else {
    const { fn } = binding.finishTrace([input], [y]);
    const [{ id }] = binding.callFunction(fn, [x]);
    binding.tensorDataSync(id);
    binding.deleteTensor(id);
    binding.removeFunction(fn);
  }
  binding.beginTrace();
  const variable = binding.traceVariable(binding.TF_FLOAT, [2]);
  const at = binding.traceInput(binding.TF_INT32, [1]);
  const [{ id: value }] = binding.executeOp('Gather', [], [variable, at], 1);
  const { fn } = binding.finishTrace([at], [], false, [{ variable, value }]);
  const place = binding.createTensor([1], binding.TF_INT32, new Int32Array([i < 49 ? 0 : 7]));
  try { binding.updateByFunction(fn, [place], [x]); } catch {}
  binding.removeFunction(fn);
  binding.deleteTensor(place);
  try { binding.executeOp('Neg', [{ name: 'T', type: 99, value: 1 }], [x], 1); } catch {}
  try { binding.executeOp('NoSuchOp', [], [x], 1); } catch {}
  [x, text].forEach((id) => binding.deleteTensor(id));
}
console.log('tensors left:', binding.getNumOfTensors());
`;

const { library } = await install();
const folder = mkdtempSync(join(tmpdir(), 'kd-asan-'));
try {
  const compiler = process.env.CXX ?? 'g++';
  const runtime = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  const wrapper = join(folder, 'compiler.sh');
  // TensorFlow's headers are not ours to keep free of warnings.
  writeFileSync(
    wrapper,
    `#!/bin/sh
unset LD_PRELOAD
case "$1" in --version) exec "${compiler}" --version ;; esac
exec "${compiler}" "$@" -isystem "${library.include}" -Wall -Wextra -Werror -fsanitize=address -fno-omit-frame-pointer -g -O1
`,
  );
  chmodSync(wrapper, 0o755);
  const run = (args, leaks) => {
    const { status, signal } = spawnSync(process.execPath, args, {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        CXX: wrapper,
        KD_CACHE: join(folder, 'cache'),
        KD_TENSORFLOW: library.folder,
        LD_PRELOAD: runtime,
        // A report a process, in a file each: a worker's own output is vitest's. Leaks do not end it with a code.
        ASAN_OPTIONS: `log_path=${join(folder, 'report')}:detect_leaks=${leaks}`,
        LSAN_OPTIONS: 'exitcode=0',
      },
    });
    return signal ?? status;
  };
  const tests = run(['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...TESTS, '--pool=forks'], 0);
  const rounds = run(['--input-type=module', '-e', ROUNDS], 1);
  const parts = readdirSync(folder)
    .filter((name) => name.startsWith('report'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/\n\n+/));
  const ours = parts.filter((part) => part.includes('kd::'));
  for (const part of ours) console.log(part);
  console.log(
    `address sanitizer: ${ours.length} of ${parts.length} findings are the binding's; tests ended with ${tests}, rounds with ${rounds}`,
  );
  process.exitCode = tests === 0 && rounds === 0 && ours.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
