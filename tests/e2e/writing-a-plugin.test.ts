import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testPlugin } from '@kd/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import './configs/cosine.suite.js';
import { doubted } from './configs/doubted.js';
import { scaled } from './configs/scaled.js';
import { tiny } from './configs/tiny.js';
import { trust } from './configs/trust.js';
import { ENGINE } from '../named-engine.js';
import { config, kd, root, temporaryFolder } from './kd.js';
import { codeOf, loggedTerms, shownCode, testStandsInFiles } from './page-code.js';

const ENGINE_PACKAGE = `@kd/engine-${ENGINE}`;

testPlugin(trust, { taps: false, twice: false });
testPlugin(scaled, { options: { images: 3 } });
testPlugin(doubted);

const PAGE = 'docs/writing-a-plugin.md';

describe(PAGE, () => {
  test('has the plugin that is packed below, whole', () => {
    expect(codeOf(PAGE, 'ts')[0]!.code).toBe(shownCode('cosine.ts'));
  });

  testStandsInFiles(PAGE, [
    ...['cosine.ts', 'cosine-taught.config.ts', 'cosine.suite.ts', 'trust.ts', 'scaled.ts', 'doubted.ts'].map(config),
    fileURLToPath(import.meta.url),
  ]);
});

/** Runs a program and gives its standard output. */
function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

/** What a project of this workspace has installed, in another folder. */
function link(folder: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
}

describe('the package of the page', () => {
  const [manifest, tsconfig] = codeOf(PAGE, 'json').map(({ code }) => code);
  const json = JSON.parse(manifest!) as Record<
    'peerDependencies' | 'devDependencies' | 'dependencies',
    Record<string, string>
  >;
  const folder = temporaryFolder();
  const project = temporaryFolder();
  let packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] };

  beforeAll(() => {
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'package.json'), manifest!);
    writeFileSync(join(folder, 'tsconfig.json'), tsconfig!);
    writeFileSync(join(folder, 'src/cosine.ts'), shownCode('cosine.ts'));
    writeFileSync(join(folder, 'src/cosine.test.ts'), shownCode('cosine.suite.ts'));
    link(folder, Object.keys({ ...json.dependencies, ...json.devDependencies }));
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')], folder);
    packed = (JSON.parse(run('npm', ['pack', '--json'], folder)) as (typeof packed)[])[0]!;

    writeFileSync(
      join(project, 'package.json'),
      JSON.stringify({
        type: 'module',
        dependencies: { 'kd-plugin-cosine': '*', '@kd/detector-retinanet': '*', [ENGINE_PACKAGE]: '*' },
      }),
    );
    link(project, [
      '@kd/detector-retinanet',
      ENGINE_PACKAGE,
      ...Object.keys({ ...json.dependencies, ...json.peerDependencies }),
    ]);
    run('tar', ['xzf', join(folder, packed.filename), '-C', join(project, 'node_modules')], project);
    run('mv', ['package', 'kd-plugin-cosine'], join(project, 'node_modules'));
  });

  test('has what is built, and no tests', () => {
    expect(packed.files.map(({ path }) => path).sort()).toEqual(['dist/cosine.d.ts', 'dist/cosine.js', 'package.json']);
  });

  test('takes as peers what the packages of this repository take, in the same ranges', () => {
    const own = JSON.parse(readFileSync(join(root, 'packages/plugin-ssim/package.json'), 'utf8')) as typeof json;
    const { version } = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as {
      version: string;
    };
    expect(json.peerDependencies['@kd/core']).toBe(`^${version}`);
    expect(json.peerDependencies['@tensorflow/tfjs-core']).toBe(own.peerDependencies['@tensorflow/tfjs-core']);
  });

  test('is found by its manifest', async () => {
    const { stdout, code } = await kd(['plugins', '--json'], { cwd: project });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ kind: 'distiller', name: 'cosine', package: 'kd-plugin-cosine', apiVersion: 1 }),
    );
  });

  test('teaches a student in a project that has nothing else', async () => {
    const small = {
      ...tiny,
      epochs: 1,
      log: { every: 1 },
      data: { ...tiny.data, train: { ...tiny.data.train, images: 8 } },
    };
    const write = (name: string, more: object): void =>
      writeFileSync(join(project, name), JSON.stringify({ ...small, ...more }));
    write('teacher.json', {});
    write('student.json', {
      teacher: { weights: 'runs/teacher' },
      distillers: [['cosine', { weight: 2, schedule: { warmup: 4 } }]],
    });
    for (const name of ['teacher', 'student']) {
      const { code, stderr } = await kd(
        ['train', `${name}.json`, '--out', `runs/${name}`, '--seed', name === 'teacher' ? '1' : '0'],
        { cwd: project },
      );
      expect(code, stderr).toBe(0);
    }
    const [first, second] = loggedTerms(join(project, 'runs/student')).map((terms) => terms['cosine.feat']!);
    expect(first).toBeGreaterThan(1e-3);
    // Twice the share of the warm-up: the schedule reached the term.
    expect(second! / first!).toBeGreaterThan(1.5);
  });
});
