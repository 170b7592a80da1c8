import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { config, kd, kdProcess, root, temporaryFolder } from './kd.js';

describe('help and usage', () => {
  test('kd --help lists every command and loads nothing heavy', async () => {
    // TensorFlow.js is most of what a command loads; it leaves itself in a global variable.
    const tells = `data:text/javascript,process.on('exit',()=>process.stderr.write(String('_tfengine'in(globalThis))))`;
    const env = { NODE_OPTIONS: `--import="${tells}"` };
    const { code, stdout, stderr } = await kdProcess(['--help'], { env });
    expect([code, stderr]).toEqual([0, 'false']);
    expect((await kdProcess(['plugins'], { env })).stderr).toBe('true');
    for (const command of [
      'train',
      'plan',
      'eval',
      'predict',
      'label',
      'data check',
      'plugins',
      'doctor',
      'engine install',
    ])
      expect(stdout).toContain(command);
  });

  test.each([
    [['trian'], 'there is no command "trian"'],
    [['train', '--bogus'], 'Unknown option "--bogus"'],
    [['eval'], 'needs a run folder or a checkpoint'],
    [['data'], 'did you mean "kd data check"'],
    [['train', 'tests'], 'is a folder'],
    [['train', config('alone.config.ts'), '--set', 'epochs'], 'expected key=value'],
  ])('kd %j is refused with exit code 2', async (args, words) => {
    const { code, stderr, stdout } = await kd(args);
    expect(stderr).toContain(words);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('an error under --json is one JSON object on standard output', async () => {
    const { code, stdout } = await kd(['eval', 'no-such-run', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: 'CHECKPOINT_INVALID', message: expect.stringContaining('no-such-run') as string },
    });
  });
});

describe('plugins', () => {
  test('lists what the project has installed, from manifests alone', async () => {
    const folder = temporaryFolder();
    const evil = join(folder, 'node_modules', 'kd-plugin-loud');
    mkdirSync(evil, { recursive: true });
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'project', dependencies: { 'kd-plugin-loud': '1.0.0' } }),
    );
    writeFileSync(
      join(evil, 'package.json'),
      JSON.stringify({
        name: 'kd-plugin-loud',
        version: '1.0.0',
        main: 'index.js',
        kd: { kind: 'distiller', name: 'loud', apiVersion: 1 },
      }),
    );
    writeFileSync(join(evil, 'index.js'), 'console.log("I RAN"); process.exit(7);');
    const { code, stdout, stderr } = await kdProcess(['plugins'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/distiller\s+loud\s+1\.0\.0\s+kd-plugin-loud/);
    expect(stdout + stderr).not.toContain('I RAN');
  });

  test('finds those of this workspace', async () => {
    const { stdout } = await kd(['plugins', '--json']);
    const names = (JSON.parse(stdout) as { kind: string; name: string }[]).map(({ kind, name }) => `${kind} ${name}`);
    expect(names).toEqual(expect.arrayContaining(['detector retinanet', 'distiller ssim', 'engine tensorflow']));
  });
});

describe('config errors', () => {
  const inProject = (text: string, name = 'kd.config.json'): string => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'package.json'), '{"name":"project"}');
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const plain = { student: 'retinanet', data: { train: { format: 'synthetic', images: 4 } }, epochs: 1 };

  test.each([
    [
      'a misspelt key',
      JSON.stringify({ ...plain, epoch: 2 }),
      ['epoch: there is no such key', 'did you mean "epochs"?'],
    ],
    [
      'a misspelt key further down',
      JSON.stringify({ ...plain, optimizer: { name: 'sgd', lr: 0.1, momentun: 0.9 } }),
      ['optimizer.momentun', 'did you mean "momentum"?'],
    ],
    [
      'a detector that is not installed',
      JSON.stringify(plain),
      ['no detector named "retinanet" is installed', 'pnpm add @kd/detector-retinanet'],
    ],
    ['distillers without a teacher', JSON.stringify({ ...plain, distillers: ['ssim'] }), ['distillers need a teacher']],
    ['cut JSON', '{ "student": ', ['could not be loaded']],
    ['an empty config', '{}', ['holds no config']],
  ])('%s', async (_, text, words) => {
    const { code, stderr } = await kd(['train', inProject(text), '--out', join(temporaryFolder(), 'run')]);
    for (const word of words) expect(stderr).toContain(word);
    expect(stderr).toMatch(/^error \[[A-Z_]+\] /);
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(1);
  });

  test('a TypeScript config that does not compile, and one that is absent', async () => {
    const broken = await kd(['train', inProject('export default {', 'kd.config.ts')]);
    expect(broken.stderr).toContain('error [CONFIG_NOT_FOUND]');
    const absent = await kd(['train', 'nowhere.config.ts']);
    expect(absent.stderr).toContain('nowhere.config.ts is no file');
    expect([broken.code, absent.code]).toEqual([1, 1]);
  });

  test('a teacher that does not exist', async () => {
    const { code, stderr } = await kd(['train', config('taught.config.ts'), '--out', join(temporaryFolder(), 'run')], {
      env: { KD_E2E_TEACHER: '/no/such/run' },
    });
    expect(stderr).toContain('/no/such/run does not exist');
    expect(code).toBe(1);
  });

  test('an unknown plugin names those that are installed', async () => {
    const { stderr } = await kd([
      'train',
      config('alone.config.ts'),
      '--out',
      join(temporaryFolder(), 'run'),
      '--set',
      'distillers=["sim"]',
      '--set',
      `teacher={"weights":"${root}"}`,
    ]);
    expect(stderr).toContain('no distiller named "sim" is installed');
    expect(stderr).toContain('did you mean "ssim"?');
  });
});

test.each([
  [['eval', 'run', '--detector', ''], '--detector'],
  [['train', 'kd.config.ts', '--out='], '--out'],
  [['predict', 'run', 'a.png', '--threshold', ''], '--threshold'],
])('%j: an empty value is misuse, not the number 0', async (args, option) => {
  const { code, stdout, stderr } = await kd(args);
  expect([code, stdout, stderr]).toEqual([
    2,
    '',
    `error [USAGE] ${option} has an empty value; give one, or leave the option out.\n`,
  ]);
});
