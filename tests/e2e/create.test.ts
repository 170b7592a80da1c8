import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kd, root, temporaryFolder } from './kd.js';
import { codeOf, loggedTerms, shownCode } from './page-code.js';

type Manifest = Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>>;

/** Runs a program of this workspace, without what the runner of this test tells its children. */
function run(file: string, args: readonly string[], cwd: string): void {
  const {
    VITEST: _,
    VITEST_MODE: _mode,
    VITEST_POOL_ID: _pool,
    VITEST_WORKER_ID: _worker,
    NODE_ENV: _env,
    ...env
  } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, file), ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...env, NODE_PATH: '' },
  });
  expect(status, `${file} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
}

/** Makes a package with the built command, in a folder that has the workspace's packages and no others. */
function made(command: string, name: string): string {
  const parent = temporaryFolder();
  run(`packages/${command}/dist/bin.js`, [name], parent);
  const folder = join(parent, name);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  for (const dependency of Object.keys({ ...dependencies, ...devDependencies })) {
    mkdirSync(dirname(join(folder, 'node_modules', dependency)), { recursive: true });
    symlinkSync(join(root, 'node_modules', dependency), join(folder, 'node_modules', dependency));
  }
  return folder;
}

const file = (folder: string, path: string): string => readFileSync(join(folder, path), 'utf8');
/** Eight images are two steps. */
const SHORT = [
  '--epochs',
  '1',
  '--set',
  'data.train.images=8',
  '--set',
  'data.val.images=2',
  '--set',
  'batchSize=4',
  '--set',
  'log.every=1',
];

async function train(folder: string, name: string, out: string): Promise<void> {
  const { code, stderr } = await kd(['train', name, '--out', out, ...SHORT], { cwd: folder });
  expect(code, stderr).toBe(0);
}

/** Builds, checks the configs, tests. */
function buildAndTest(folder: string, configs: readonly string[]): void {
  run('node_modules/typescript/bin/tsc', [], folder);
  expect(existsSync(join(folder, 'dist/index.d.ts'))).toBe(true);
  run(
    'node_modules/typescript/bin/tsc',
    [
      '--ignoreConfig',
      '--noEmit',
      '--target',
      'ES2023',
      '--module',
      'NodeNext',
      '--strict',
      '--skipLibCheck',
      ...configs,
    ],
    folder,
  );
  run('node_modules/vitest/vitest.mjs', ['run'], folder);
}

describe('pnpm create @kd/plugin', () => {
  const folder = made('create-plugin', 'cosine');
  const page = codeOf('docs/writing-a-plugin.md', 'json').map(({ code }) => JSON.parse(code) as Record<string, object>);

  test('writes the plugin of the page, its test, and a manifest that says no less', () => {
    expect(file(folder, 'src/index.ts')).toBe(shownCode('cosine.ts'));
    expect(file(folder, 'src/index.test.ts')).toBe(shownCode('cosine.suite.ts').replace('./cosine.js', './index.js'));
    const { exports: _, description: _description, ...shown } = page[0]!;
    expect(JSON.parse(file(folder, 'package.json'))).toMatchObject(shown);
    expect(JSON.parse(file(folder, 'tsconfig.json'))).toEqual(page[1]);
  });

  test('builds and tests green as it is', () => buildAndTest(folder, ['kd.config.ts', 'teacher.config.ts']));

  test('trains a teacher, and a student that it teaches', async () => {
    await train(folder, 'teacher.config.ts', 'runs/teacher');
    await train(folder, 'kd.config.ts', 'runs/student');
    const terms = loggedTerms(join(folder, 'runs/student'));
    expect(terms).toHaveLength(2);
    for (const step of terms) expect(step['cosine.feat']).toBeGreaterThan(0);
  });
});

describe('pnpm create @kd/detector', () => {
  const folder = made('create-detector', 'squares');

  test('writes the detector of the page', () => expect(file(folder, 'src/index.ts')).toBe(shownCode('squares.ts')));

  test('builds and tests green as it is', () => buildAndTest(folder, ['kd.config.ts']));

  test('trains', async () => {
    await train(folder, 'kd.config.ts', 'runs/first');
    const terms = loggedTerms(join(folder, 'runs/first'));
    expect(terms).toHaveLength(2);
    for (const step of terms) expect(step['box']).toBeGreaterThan(0);
  });
});
