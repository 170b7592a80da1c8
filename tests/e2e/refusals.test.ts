import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tiny as small } from './configs/tiny.js';
import { ENGINE } from '../named-engine.js';
import { kd, kdProcess, type Result, root, temporaryFolder } from './kd.js';

/** The project of a person: packages installed, some of them with a fault. */
const project = realpathSync(temporaryFolder());
const installed = (name: string): string => join(project, 'node_modules', name);
const core = join(root, 'packages/core');

function link(name: string, to: string): void {
  mkdirSync(dirname(installed(name)), { recursive: true });
  symlinkSync(realpathSync(to), installed(name));
}

function installPackage(name: string, kd: object, code: string): string {
  const folder = installed(name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      name,
      version: '1.2.3',
      type: 'module',
      exports: { '.': './index.js', './package.json': './package.json' },
      kd,
    }),
  );
  writeFileSync(join(folder, 'index.js'), code);
  return folder;
}

/** A package with one distiller. */
const install = (name: string, code: string, { apiVersion = 1, definition = 1 } = {}): string =>
  installPackage(
    `kd-plugin-${name}`,
    { kind: 'distiller', name, apiVersion },
    `import { definePlugin } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
export default definePlugin({ name: '${name}', apiVersion: ${definition}, options: v.strictObject({}), requires: {}, create: (scope) => (${code}) });
`,
  );

const tiny = {
  student: small.student,
  data: { train: { format: 'synthetic', images: 24, size: 64, seed: 1, classes: ['striped-disk'] }, augment: [] },
  epochs: 2,
  batchSize: 4,
  optimizer: { name: 'sgd', lr: 0.01 },
  log: { every: 2 },
};

/**
 * Trains with distillers by name, as a person would: `kd train kd.config.json --out runs/…` in the folder of the
 * project.
 */
async function train(run: string, distiller?: string, by = kd, more = {}): Promise<Result & { out: string }> {
  const taught = distiller === undefined ? {} : { teacher: { weights: 'runs/teacher' }, distillers: [distiller] };
  writeFileSync(join(project, `${run}.json`), JSON.stringify({ ...tiny, ...taught, ...more }));
  return {
    ...(await by(['train', `${run}.json`, '--out', join('runs', run)], { cwd: project })),
    out: join(project, 'runs', run),
  };
}

/** Refused: nothing but one line, no stack, exit code 1. */
function expectRefused({ code, stdout, stderr }: Result, message: string | RegExp): void {
  const lines = stderr.trimEnd().split('\n');
  const errors = lines.filter((line) => line.startsWith('error ['));
  expect(errors, stderr).toHaveLength(1);
  expect(lines.at(-1), 'the error comes last').toBe(errors[0]);
  expect(errors[0]).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).toBe('');
  expect(code).toBe(1);
}

const warnings = ({ stderr }: Result): string[] => stderr.split('\n').filter((line) => line.startsWith('warning: '));

beforeAll(async () => {
  for (const name of ['core', 'detector-retinanet', `engine-${ENGINE}`])
    link(`@kd/${name}`, join(root, 'packages', name));
  for (const name of ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', 'valibot'])
    link(name, join(core, 'node_modules', name));
  const term = 'lossCompose: () => ({ a: tf.scalar(0) })';
  install('newer', `{ ${term} }`, { apiVersion: 2 });
  install('liar', `{ ${term} }`, { definition: 2 });
  install(
    'throws',
    "{ lossCompose: ({ progress }) => { if (progress.step === 3) throw new Error('no boxes in row 7'); return {}; } }",
  );
  install('waits', '{ lossCompose: async () => ({ a: tf.scalar(0) }) }');
  install('leaky', `{ ${term}, headForward: () => void tf.keep(tf.zeros([3])) }`);
  const needy = "import 'left-pad-of-tensors';\nexport default {};\n";
  installPackage('kd-plugin-needy', { kind: 'distiller', name: 'needy', apiVersion: 1 }, needy);
  installPackage('@kd/engine-webgpu', { kind: 'engine', name: 'webgpu', apiVersion: 1 }, needy);
  const own = install('own-core', `{ ${term} }`);
  // With copies of its own, which find what the first ones find.
  for (const [name, from] of [
    ['@kd/core', core],
    ['@tensorflow/tfjs-core', join(core, 'node_modules/@tensorflow/tfjs-core')],
  ] as const) {
    const [source, copy] = [realpathSync(from), join(own, 'node_modules', name)];
    for (const part of ['package.json', 'dist'])
      cpSync(join(source, part), join(copy, part), {
        recursive: true,
        filter: (file) => !/\.(map|d\.ts)$|dist\/tf-core\.(?!node\.js)/.test(file),
      });
    const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8')) as object;
    writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...manifest, version: '0.0.7' }));
    symlinkSync(
      existsSync(join(source, 'node_modules')) ? join(source, 'node_modules') : join(source, '../..'),
      join(copy, 'node_modules'),
    );
  }
  const names = ['newer', 'liar', 'throws', 'waits', 'leaky', 'needy', 'own-core'];
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name: 'project',
      private: true,
      dependencies: Object.fromEntries(
        ['@kd/detector-retinanet', `@kd/engine-${ENGINE}`, ...names.map((name) => `kd-plugin-${name}`)].map((name) => [
          name,
          '*',
        ]),
      ),
    }),
  );
  const teacher = await train('teacher');
  expect(teacher.code, teacher.stderr).toBe(0);
});

describe('kd train refuses, in one line', () => {
  test('a plugin for another version of the contract: package, version, way out', async () => {
    const result = await train('newer', 'newer');
    expectRefused(
      result,
      'error [PLUGIN_INVALID] kd-plugin-newer 1.2.3 is built for version 2 of the contract, this core speaks 1. Bring core up to it (pnpm up --latest @kd/core @kd/cli), or install an older version of kd-plugin-newer.',
    );
    expect(existsSync(result.out)).toBe(false);
    expect((await kd(['plugins'], { cwd: project })).stdout).toMatch(
      /newer .*speaks version 2 of the contract, this core 1/,
    );
  });

  test('one whose code is for another version than its manifest says', async () => {
    expectRefused(
      await train('liar', 'liar'),
      /error \[PLUGIN_INVALID\] plugin "liar" is built for version 2 of the hook contract, this core speaks 1\. Install a version of the plugin for it\./,
    );
  });

  test('one that lacks a peer: what is missing, and the line that adds it', async () => {
    const result = await train('needy', 'needy');
    expectRefused(
      result,
      'error [PLUGIN_INVALID] kd-plugin-needy 1.2.3 needs the package left-pad-of-tensors, which is not installed beside it. To add it: pnpm add left-pad-of-tensors',
    );
    expect(existsSync(result.out)).toBe(false);
  });

  test('one that is not installed', async () => {
    expectRefused(
      await train('unknown', 'leakey'),
      /error \[PLUGIN_NOT_FOUND\] no distiller named "leakey" is installed .*did you mean "leaky"\? Installed: .*\.$/,
    );
  });

  test('one that throws in a step: plugin and hook; the steps before it are kept, and there is no summary', async () => {
    const result = await train('throws', 'throws');
    expectRefused(result, 'error [PLUGIN_HOOK] throws.lossCompose threw: no boxes in row 7');
    expect(readdirSync(result.out, { recursive: true }).sort()).toEqual([
      'checkpoints',
      join('checkpoints', 'step-00000003.safetensors'),
      'config.json',
      'metrics.jsonl',
      'origin.json',
      'plan.json',
    ]);
    // Where steps are compiled.
    const plain =
      /the training step cannot be compiled: throws\.lossCompose: progress\.step is read .*step\.scalar.*run op by op/;
    expect(warnings(result)).toEqual([
      ...(ENGINE === 'tensorflow' ? [expect.stringMatching(plain)] : []),
      expect.stringMatching(/step-00000003\.safetensors holds all 3 steps done .*--resume/),
    ]);
  });

  test('one that returns a promise inside of the tape', async () => {
    expectRefused(
      await train('waits', 'waits'),
      /error \[PLUGIN_HOOK\] waits\.lossCompose returned a promise; hooks of a step run inside of the tape.*datasetPass/,
    );
  });
});

describe('kd train warns, once, and trains', () => {
  test('of a plugin that leaks tensors', async () => {
    const result = await train('leaky', 'leaky', kd, { compile: false });
    expect(warnings(result)).toEqual([
      expect.stringMatching(
        /^warning: leaky\.headForward leaves 1 tensor behind in every step: memory grows until the run ends\. .*tf\.tidy.*testPlugin/,
      ),
    ]);
    expect(result.code).toBe(0);
  });

  test('of two copies of core and of TensorFlow.js in the tree; kd doctor tells them too', async () => {
    const result = await train('own-core', 'own-core', kdProcess);
    const copy = (name: string): string => join(installed('kd-plugin-own-core'), 'node_modules', name);
    expect(warnings(result)).toEqual([
      expect.stringContaining(`0.0.7 for kd-plugin-own-core (${copy('@tensorflow/tfjs-core')})`),
      expect.stringContaining(
        `there are two copies of @kd/core: distiller "own-core" is made by 0.0.7 in ${copy('@kd/core')}`,
      ),
    ]);
    for (const warning of warnings(result)) expect(warning).toMatch(/pnpm why @.*pnpm dedupe.*peerDependencies/);
    expect(result.code, result.stderr).toBe(0);
    const doctor = await kd(['doctor'], { cwd: project });
    expect(doctor.stdout).toMatch(/^NOT WELL/);
    expect(doctor.stdout).toMatch(/^to do: there are 2 copies of @kd\/core: .*0\.0\.7 for kd-plugin-own-core/m);
    expect(doctor.stdout).toMatch(/^to do: there are 2 copies of @tensorflow\/tfjs-core: /m);
    // Of an engine beside it, too, what it lacks.
    expect(doctor.stdout).toMatch(/^webgpu +@kd\/engine-webgpu 1\.2\.3 needs the package left-pad-of-tensors/m);
    expect(doctor.code).toBe(1);
  });
});
