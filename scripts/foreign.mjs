// Sets up a virtual environment with the programs that exports are tried in, outside of the project, and runs those
// tests: node scripts/foreign.mjs [--venv DIR] [--no-torch] [-- vitest's arguments]. KD_PEER_PYTHON names a Python that
// has them already.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PACKAGES = ['onnx', 'onnxruntime', 'safetensors', 'numpy'];
/** Gigabytes, where the index of the machine has those with CUDA. mmdet 3.3 refuses newer versions of mmcv. */
const TORCH = ['torch', 'torchvision', 'mmdet', 'mmcv-lite<2.2'];

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    venv: { type: 'string', default: join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kd', 'foreign') },
    'no-torch': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

function run(command, args, options = {}) {
  console.log(`$ ${[command, ...args].join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', cwd: root, ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

let python = process.env.KD_PEER_PYTHON;
if (python === undefined) {
  python = join(values.venv, 'bin', 'python');
  if (!existsSync(python)) run('python3', ['-m', 'venv', values.venv]);
  run(python, ['-m', 'pip', 'install', '--quiet', ...PACKAGES, ...(values['no-torch'] ? [] : TORCH)]);
}
const tests = positionals.length > 0 ? positionals : ['packages/export'];
const projects = ['unit', 'contract', 'e2e'].flatMap((name) => ['--project', name]);
run(join(root, 'node_modules/.bin/vitest'), ['run', '--reporter', 'verbose', ...projects, ...tests], {
  env: { ...process.env, KD_PEER_PYTHON: python },
});
