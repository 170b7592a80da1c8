import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plan } from '@kd/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { ENGINE } from '../named-engine.js';
import { config, kd, kdProcess, type Result, temporaryFolder } from './kd.js';

const teacher = join(temporaryFolder(), 'teacher');
const taught = config('taught.config.ts');
const env = { KD_E2E_TEACHER: teacher };
const distillers = '["ssim","crosskd+pkd",["pkd",{"adapter":"conv1x1"},{"as":"wide"}]]';
const settings = [
  '--epochs',
  '3',
  '--seed',
  '5',
  '--set',
  `distillers=${distillers}`,
  '--set',
  'log.every=1',
  '--set',
  'data.train.images=8',
];

/** A command in an empty folder, with an empty folder for what is temporary. */
async function inEmptyFolder(args: readonly string[], run = kd): Promise<Result & { readonly left: string[] }> {
  const folder = temporaryFolder();
  const [cwd, temporary] = ['cwd', 'tmp'].map((name) => join(folder, name)) as [string, string];
  for (const one of [cwd, temporary]) mkdirSync(one);
  const beside = readdirSync(dirname(taught));
  const ran = await run(args, { cwd, env: { ...env, TMPDIR: temporary } });
  expect(readdirSync(dirname(taught)), 'beside the config').toEqual(beside);
  // Every command keeps configs as they were transformed in tmp/jiti.
  return {
    ...ran,
    left: readdirSync(folder, { recursive: true })
      .map(String)
      .filter((path) => !path.startsWith(join('tmp', 'jiti')))
      .sort(),
  };
}

beforeAll(async () => {
  const { code, stderr } = await kd(['train', config('alone.config.ts'), '--out', teacher, '--epochs', '1']);
  expect(code, stderr).toBe(0);
});

describe('kd plan', () => {
  test('tells the figures of the run that then trains, and leaves no files', async () => {
    const { code, stdout, stderr, left } = await inEmptyFolder(['plan', taught, ...settings, '--json'], kdProcess);
    expect(code, stderr).toBe(0);
    expect(left).toEqual(['cwd', 'tmp']);
    const plan = JSON.parse(stdout) as Plan & { ok: boolean };
    expect(plan).toMatchObject({
      ok: true,
      seed: 5,
      engine: { name: ENGINE },
      student: { name: 'retinanet', package: { name: '@kd/detector-retinanet' }, weights: null },
      teacher: { weights: join(teacher, 'checkpoints', 'best.safetensors') },
      data: { train: { images: 8 }, val: { images: 6 }, classes: ['striped-disk', 'speckled-ring'] },
      training: { epochs: 3, stepsPerEpoch: 2, steps: 6, batchSize: 4 },
    });
    expect(plan.distillers.map(({ id, preset, package: from }) => [id, preset, from?.name])).toEqual([
      ['ssim', null, '@kd/plugin-ssim'],
      ['crosskd', 'crosskd+pkd', '@kd/plugin-crosskd'],
      ['pkd', 'crosskd+pkd', '@kd/plugin-pkd'],
      ['wide', null, '@kd/plugin-pkd'],
    ]);
    expect(plan.distillers[2]!.options).toMatchObject({ weight: 2 });
    for (const { pairs, taps } of plan.distillers) {
      expect(pairs.map(({ stride }) => stride)).toEqual(
        [4, 8, 16, 32].filter((stride) => plan.student.levels.some((level) => level.stride === stride)),
      );
      for (const tap of [...taps.student, ...taps.teacher])
        expect(tap.shape).toEqual([4, 64 / tap.stride, 64 / tap.stride, tap.channels]);
    }
    const wide = plan.distillers[3]!;
    expect(wide.variables.filter(({ path }) => path.endsWith('/kernel')).map(({ shape }) => shape)).toEqual(
      wide.pairs.map(() => [1, 1, 16, 16]),
    );
    expect(plan.training.trained).toBe(plan.student.trainable + wide.pairs.length * (16 * 16 + 16));

    const out = join(temporaryFolder(), 'run');
    const trained = await kd(['train', taught, '--out', out, ...settings], { env });
    expect(trained.code, trained.stderr).toBe(0);
    const logs = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; terms: Record<string, number>; total: number; lr: number })
      .filter(({ type }) => type === 'log')
      .slice(0, 2);
    expect(Object.keys(plan.measured!.steps[0]!.terms)).toEqual([
      'classification',
      'bbox_regression',
      expect.stringMatching(/^ssim\./),
      'crosskd.cls',
      'crosskd.reg',
      'pkd.feat',
      'wide.feat',
    ]);
    expect(plan.measured!.steps.map(({ terms, total, lr }) => ({ terms, total, lr }))).toEqual(
      logs.map(({ terms, total, lr }) => ({ terms, total, lr })),
    );
    const resolved = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as { distillers: [string, object][] };
    expect(
      resolved.distillers.map(([name]) => name),
      'the preset by its parts',
    ).toEqual(['ssim', 'crosskd', 'pkd', 'pkd']);
  });

  test('is a page that a person can read', async () => {
    const { code, stdout, stderr } = await kd(['plan', taught, ...settings], { env });
    expect(code, stderr).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^.*taught\.config\.ts, after two real steps; nothing of it is kept\n\nengine {5}/);
    expect(stdout).toContain(`\nengine     ${ENGINE} `);
    expect(stdout).toMatch(/\nsteps {6}3 epochs of 2 = 6, seed 5\n/);
    expect(stdout).toMatch(
      /\ndistiller crosskd: @kd\/plugin-crosskd \S+, of the preset crosskd\+pkd\n {2}needs {4}head\.staged of student and teacher\n {2}adds {5}no variables\n/,
    );
    expect(stdout).toMatch(/\n {2}wide\/neck@p\d\/kernel +\[1, 1, 16, 16\] +trained\n/);
    expect(stdout).toMatch(/\n {2}8, paired +neck@p\d +\[4, 8, 8, 16\] +neck@p\d +\[4, 8, 8, 16\]\n/);
    expect(stdout).toMatch(/\npkd\.feat +[\d.]+ +[\d.]+ +1\n/);
    expect(stdout).toMatch(/\ntotal +[\d.]+ +[\d.]+\n/);
    expect(stdout).toMatch(
      /\nwhole run {2}about \d+ s: 6 steps like step 2; evaluations come on top\nmemory {5}at most \d+ MiB/,
    );
    expect(Math.max(...stdout.split('\n').map((line) => line.length)), 'no line runs away').toBeLessThan(130);
  });

  test('runs passes over the first images and says so', async () => {
    const { code, stdout, stderr, left } = await inEmptyFolder([
      'plan',
      taught,
      '--set',
      'distillers=[["prototype",{"minSide":4}]]',
      '--pass-images',
      '6',
    ]);
    expect(code, stderr).toBe(0);
    expect(left).toEqual(['cwd', 'tmp']);
    expect(stdout).toMatch(
      /passes {3}over the training data before every epoch, 2 times in all; here over the first 6 images, in /,
    );
    expect(stdout).toMatch(/\nprototype\.global +\S+ +\S+ +1\n/);
    expect(stdout).toContain('evaluations and passes of prototype come on top');
  });

  test.each([
    ['a misspelt key', ['--set', 'epoch=1'], 'CONFIG_INVALID'],
    ['an unknown plugin', ['--set', 'distillers=["sim"]'], 'PLUGIN_NOT_FOUND'],
    [
      'a teacher whose predictions are of images of another size',
      ['--set', 'student.1.input.fixedSize=[96,96]', '--set', 'distillers=["crosskd"]'],
      'TEACHER_INVALID',
    ],
    ['a plugin that does not suit', ['--set', 'distillers=[["pkd",{"taps":"neck@p9"}]]'], 'TAP_UNKNOWN'],
  ])('refuses %s with the one error of kd train', async (_, args, code) => {
    const [planned, trained] = [
      await inEmptyFolder(['plan', taught, ...args]),
      await inEmptyFolder(['train', taught, ...args, '--out', join(temporaryFolder(), 'run')]),
    ];
    expect(planned.stderr.split('\n')[0]).toContain(`error [${code}] `);
    expect(planned.stderr).toBe(trained.stderr);
    expect([planned.code, planned.stdout, planned.left]).toEqual([1, '', ['cwd', 'tmp']]);
  });

  test('without a config, and with a number that is none, it was misused', async () => {
    expect(await kd(['plan'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('missing required args') as string,
    });
    expect(await kd(['plan', taught, '--pass-images', 'all'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--pass-images all') as string,
    });
  });
});

describe('kd plugins with a config', () => {
  test('tells what each part taps, needs and adds, without a step', async () => {
    const { code, stdout, stderr, left } = await inEmptyFolder(['plugins', taught, ...settings]);
    expect(code, stderr).toBe(0);
    expect(left).toEqual(['cwd', 'tmp']);
    expect(stdout).toMatch(/^student: retinanet, @kd\/detector-retinanet /);
    expect(stdout).toMatch(/\ndistiller wide \(pkd\): @kd\/plugin-pkd /);
    expect(stdout).toMatch(/\n {2}8, paired +neck@p\d +16 channels +neck@p\d +16 channels\n/);
    expect(stdout).not.toContain('step 1 ');
  });

  test('as JSON', async () => {
    const { stdout } = await kd(['plugins', taught, ...settings, '--json'], { env });
    const parts = JSON.parse(stdout) as Pick<Plan, 'distillers'>;
    expect(parts).toMatchObject({ ok: true, student: { name: 'retinanet' }, teacher: { name: 'retinanet' } });
    expect(parts.distillers[0]!.taps.student[0]).toMatchObject({ shape: null, channels: 16 });
  });

  test('without one lists presets beside plugins', async () => {
    const { stdout } = await kd(['plugins']);
    expect(stdout).toMatch(/\npreset +crosskd\+pkd +\S+ +@kd\/plugin-crosskd\n/);
  });
});
