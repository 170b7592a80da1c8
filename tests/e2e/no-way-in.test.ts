import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readSafetensors, writeSafetensors } from '@kd/weights';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tiny as small } from './configs/tiny.js';
import { ENGINE } from '../named-engine.js';
import { config, kd, kdProcess, type Result, root, temporaryFolder } from './kd.js';

/** The project of a person; somebody else wrote packages, checkpoints and run folders in it. */
const project = realpathSync(temporaryFolder());
const marker = join(project, 'MARKER');
const payload = join(project, 'payload.mjs');
const installed = (name: string): string => join(project, 'node_modules', name);
const core = join(root, 'packages/core');

const data = { format: 'synthetic', images: 4, size: 64, seed: 1, classes: ['striped-disk'] };
const { student } = small;
const tiny = { student, data: { train: data, val: data }, epochs: 1, batchSize: 4 };

function link(name: string, to: string): void {
  mkdirSync(dirname(installed(name)), { recursive: true });
  symlinkSync(realpathSync(to), installed(name));
}

/** Code that leaves the marker, and is everything that a name could stand for. */
const hostile = `import { writeFileSync } from 'node:fs';
writeFileSync(${JSON.stringify(marker)}, 'ran');
export default { definition: { kind: 'detector', name: 'retinanet' } };
`;

function install(name: string, kd: unknown, more: object = {}): void {
  mkdirSync(installed(name), { recursive: true });
  writeFileSync(
    join(installed(name), 'package.json'),
    JSON.stringify({ name, version: '6.6.6', type: 'module', exports: './index.js', kd, ...more }),
  );
  writeFileSync(join(installed(name), 'index.js'), hostile);
}

/** The direct dependencies of the project. */
function dependOn(...names: readonly string[]): void {
  const own = ['@kd/core', '@kd/detector-retinanet', `@kd/engine-${ENGINE}`, ...names];
  const dependencies = Object.fromEntries(own.map((name) => [name, '*']));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
}

/** On the engine that a file names. */
const here = (...args: readonly string[]): Promise<Result> => kd(args, { cwd: project, env: { KD_ENGINE: undefined } });

/** One clear error, and nothing ran. */
function expectRefused({ code, stdout, stderr }: Result, message: string | RegExp): void {
  const errors = stderr.split('\n').filter((line) => line.startsWith('error ['));
  expect(errors, stderr).toHaveLength(1);
  expect(errors[0]).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout).toBe('');
  expect(code).toBe(1);
}

/** A copy of the run with files of its own. */
function copyOfRun(name: string, files: Readonly<Record<string, unknown>>): string {
  const run = join(project, 'runs', name);
  cpSync(join(project, 'runs/good'), run, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(run, file)), { recursive: true });
    writeFileSync(join(run, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return run;
}

const configOfRun = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(project, 'runs/good/config.json'), 'utf8')) as Record<string, unknown>;

/** A checkpoint that names another detector. */
async function checkpointNaming(name: string): Promise<string> {
  const { tensors, metadata } = await readSafetensors(join(project, 'runs/good/checkpoints/best.safetensors'));
  const file = join(project, 'downloads', 'model.safetensors');
  mkdirSync(dirname(file), { recursive: true });
  const detector = { ...(JSON.parse(metadata['detector']!) as object), name };
  await writeSafetensors(file, tensors, { kd: '1', detector: JSON.stringify(detector) });
  return file;
}

beforeAll(async () => {
  for (const name of ['core', 'detector-retinanet', `engine-${ENGINE}`])
    link(`@kd/${name}`, join(root, 'packages', name));
  for (const name of ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', 'valibot'])
    link(name, join(core, 'node_modules', name));
  install('undeclared', undefined);
  install('indirect', { kind: 'detector', name: 'indirect', apiVersion: 1 });
  dependOn();
  writeFileSync(payload, hostile);
  writeFileSync(join(project, 'kd.config.json'), JSON.stringify(tiny));
  const { code, stderr } = await kdProcess(['train', 'kd.config.json', '--out', 'runs/good'], { cwd: project });
  expect(code, stderr).toBe(0);
});
beforeEach(() => dependOn());
test('the code that is hidden here would leave its marker', () => {
  execFileSync(process.execPath, [payload]);
  expect(existsSync(marker)).toBe(true);
  rmSync(marker);
});

afterEach(() => expect(existsSync(marker), 'nothing ran').toBe(false));

test.each([
  ['an absolute path', payload],
  ['a way up', '../payload.mjs'],
  ['a package that declares nothing', 'undeclared'],
  ['a package that nobody depends on', 'indirect'],
])('a checkpoint that names %s runs nothing', async (_, name) => {
  const file = await checkpointNaming(name);
  const refusal = /^error \[PLUGIN_NOT_FOUND\] no detector named .* as .*model\.safetensors names it/;
  expectRefused(await here('eval', file, '--data', JSON.stringify(data)), refusal);
  // The names are tried one by one in the tests of core.
  if (name !== payload) return;
  expectRefused(await here('predict', file, 'image.png'), refusal);
  writeFileSync(join(project, 'taught.json'), JSON.stringify({ ...tiny, teacher: { weights: file }, distillers: [] }));
  expectRefused(await here('train', 'taught.json', '--out', 'runs/taught'), refusal);
});

test.each([['eval'], ['predict']])('kd %s of a run whose config.json names an engine by a path', async (command) => {
  const run = copyOfRun('engine', { 'config.json': { ...configOfRun(), engine: payload } });
  const images = command === 'predict' ? ['image.png'] : [];
  expectRefused(await here(command, run, ...images), /no engine named .*payload\.mjs.* as .*config\.json names it/);
});

describe('kd train --resume', () => {
  test.each([
    ['student', { student: [payload, {}] }],
    ['distillers', { distillers: [[payload, {}]], teacher: { weights: 'runs/good' } }],
    ['engine', { engine: 'undeclared' }],
  ])('of a run whose origin is gone takes no path as %s from config.json', async (key, changed) => {
    const run = copyOfRun(`resume-${key}`, { 'origin.json': '{}', 'config.json': { ...configOfRun(), ...changed } });
    expectRefused(await here('train', '--resume', run), /\[PLUGIN_NOT_FOUND\] .* as .*config\.json names it/);
  });

  test('loads no config that came with the run folder', async () => {
    const run = join(project, 'runs/inside');
    copyOfRun('inside', {
      'kd.config.mjs': hostile,
      'origin.json': { config: join(run, 'kd.config.mjs'), folder: project },
    });
    expectRefused(
      await here('train', '--resume', run),
      /\[RUN_FOLDER\] .*origin\.json names .*inside of the run folder/,
    );
  });

  test('takes no code from what origin.json sets over the config, which it shows', async () => {
    const origin = { config: join(project, 'kd.config.json'), folder: project };
    const run = copyOfRun('override', {
      'origin.json': { ...origin, overrides: { set: [`student=["${payload}",{}]`] } },
    });
    const result = await here('train', '--resume', run);
    expectRefused(result, /\[PLUGIN_NOT_FOUND\] .* as .*origin\.json names it/);
    expect(result.stderr).toMatch(/^config: kd\.config\.json, with which the run was started --set 'student=/m);
  });
});

test('kd eval looks for plugins in no folder that came with the run', async () => {
  const run = join(project, 'runs/plugins');
  const manifest = { name: 'x', version: '1.0.0', exports: './index.mjs' };
  copyOfRun('plugins', {
    'origin.json': { config: '/gone', folder: run },
    'package.json': { dependencies: { '@kd/detector-retinanet': '*' } },
    'node_modules/@kd/detector-retinanet/package.json': {
      ...manifest,
      kd: { kind: 'detector', name: 'retinanet', apiVersion: 1 },
    },
    'node_modules/@kd/detector-retinanet/index.mjs': hostile,
  });
  const { code, stderr } = await here('eval', run);
  expect(stderr).toMatch(/^warning: .*inside of the run folder.*plugins are looked up from the working directory/m);
  expect(code, stderr).toBe(0);
});

describe('a package in the project', () => {
  test('takes over no name of ours, nor leaves node_modules by its own', async () => {
    install('thief', { kind: 'detector', name: 'retinanet', apiVersion: 1 }, { name: '../../payload.mjs' });
    dependOn('thief');
    const both = /thief.* both claim the detector "retinanet" \(the name belongs to @kd\/detector-retinanet\)/;
    const listed = await here('plugins');
    expect(listed.code).toBe(0);
    expect(listed.stderr).toMatch(both);
    for (const command of [
      ['plan', 'kd.config.json'],
      ['train', 'kd.config.json', '--out', 'runs/new'],
      ['eval', 'runs/good'],
    ])
      expectRefused(await here(...command), both);
  });

  test('with an odd manifest is skipped with a warning, its signs shown as escapes', async () => {
    install(
      'odd',
      [
        { kind: 'detector', name: 'a\u001b[2J\nerror [X] b', apiVersion: 1 },
        { kind: { toString: null }, name: ['x'], apiVersion: {} },
      ],
      { version: '6\u001b[31m\n6' },
    );
    dependOn('odd');
    const listed = await here('plugins');
    expect(listed.code).toBe(0);
    expect(listed.stdout).toMatch(/^detector +retinanet/m);
    const planned = await here('plan', 'kd.config.json', '--json');
    expect(planned.code, planned.stderr).toBe(0);
    for (const { stdout, stderr } of [listed, planned]) {
      expect(
        stderr.split('\n').filter((line) => /^warning: odd .* cannot be used as a plugin/.test(line)),
      ).toHaveLength(2);
      expect(stderr).toContain('6\\u001b[31m\\n6');
      expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]/u);
    }
  });
});

test('kd eval and kd predict find a detector that the config itself imports, and say which config they load', async () => {
  const run = join(project, 'runs/squares');
  const trained = await kd(['train', config('squares.config.ts'), '--out', run]);
  expect(trained.code, trained.stderr).toBe(0);
  const evaluated = await kd(['eval', run]);
  expect(evaluated.code, evaluated.stderr).toBe(0);
  expect(evaluated.stderr).toMatch(
    /^config: .*squares\.config\.ts, with which the run was started, for the detector "squares"/m,
  );
  const predicted = await kd(['predict', run, 'no-image.png', '--out', join(project, 'drawn')]);
  expect(predicted.stderr).toMatch(/^error \[IMAGE_INVALID\] /m);
});
