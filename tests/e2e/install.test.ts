import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINE } from '../named-engine.js';
import { root, temporaryFolder } from './kd.js';
import { loggedTerms } from './page-code.js';
import { type Registry, startRegistry } from './registry.js';
import { environment, sizeOf, types } from './user.js';

/** Networks of a few channels, eight images in two steps. The teacher's are compiled, which takes longer than both. */
const CONFIGS = {
  'teacher.config.ts': `
const pictures = { format: 'synthetic', size: 64, classes: ['striped-disk', 'speckled-ring'] };
export const small = (width: number) => ['retinanet', {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width }, norm: 'frozen', fpnChannels: 16, extra: 'none', head: { depth: 1 }, input: { fixedSize: [64, 64] }, anchors: { sizes: [[12], [24], [48]] },
}];
export default { student: small(16), data: { train: { ...pictures, images: 8, seed: 1 }, val: { ...pictures, images: 2, seed: 2 } }, epochs: 1, batchSize: 4, log: { every: 1 } };
`,
  'kd.config.ts': `
import { defineConfig } from '@kd/core';
import teacher, { small } from './teacher.config.js';
export default defineConfig({ ...teacher, student: small(8), compile: false, teacher: { weights: 'runs/teacher' }, distillers: [process.env.DISTILLER ?? 'ssim'] });
`,
};
/** What the first page says to add for an engine other than TensorFlow, which comes with the command line. */
const OTHER_ENGINE = ENGINE === 'tensorflow' ? '' : `@kd/engine-${ENGINE}`;
/** What it says to add. */
const PACKAGES =
  `${/pnpm add -D (.+)/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!} ${OTHER_ENGINE}`.trim();
/** Two steps of what a template trains with. */
const SHORT =
  '--epochs 1 --set data.train.images=8 --set data.val.images=2 --set batchSize=4 --set log.every=1 --set compile=false';
/** What package managers print when something that they install wants to run a script. */
const SCRIPTS = /ignored build scripts|approve-builds|install script|node-gyp/i;

let registry: Registry;
let env: NodeJS.ProcessEnv;
const measured: string[] = [];

function timed<T>(what: string, work: () => T): T {
  const began = performance.now();
  const result = work();
  measured.push(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

const megabytes = (folder: string): string => `${(sizeOf(folder) / 1e6).toFixed(1)} MB`;

/** The workspace as it is, in a folder where a release may write; third-party packages are those of the workspace. */
function copyOfWorkspace(): string {
  const folder = temporaryFolder();
  for (const name of [
    'packages',
    'scripts',
    '.changeset',
    '.gitignore',
    'package.json',
    'pnpm-workspace.yaml',
    'pnpm-lock.yaml',
    'tsconfig.json',
    'tsconfig.base.json',
  ]) {
    cpSync(join(root, name), join(folder, name), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const author = '-c user.name=Release -c user.email=release@localhost';
  types(
    `git init --quiet --initial-branch main && git add --all && git ${author} commit --quiet --message Start`,
    folder,
    env,
  );
  return folder;
}

function project(): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(CONFIGS)) writeFileSync(join(folder, name), text);
  return folder;
}

const addEngine = (folder: string): void => {
  if (OTHER_ENGINE !== '') types(`pnpm add -D ${OTHER_ENGINE}`, folder, env);
};

/** Two steps of a student, whose teacher lies in the folder. */
function trainStudent(kd: string, folder: string): void {
  types(`${kd} train kd.config.ts --out runs/student`, folder, env);
  const terms = loggedTerms(join(folder, 'runs/student'));
  expect(terms).toHaveLength(2);
  for (const step of terms) expect(step['ssim.feat']).toBeGreaterThan(0);
}

/** Configs of a project, which its build leaves out. */
const checkTypes = (folder: string, ...configs: readonly string[]): void =>
  void types(
    `pnpm exec tsc --ignoreConfig --noEmit --target ES2023 --module NodeNext --strict --skipLibCheck ${configs.join(' ')}`,
    folder,
    env,
  );

beforeAll(async () => {
  registry = await startRegistry();
  env = environment(registry);
});
afterAll(() => {
  registry.stop();
  process.stdout.write(`${measured.join('\n')}\n`);
});

describe('packages from a registry, in folders outside of this repository', () => {
  const user = project();

  test('pnpm release publishes all of them', async () => {
    const copy = copyOfWorkspace();
    const who = {
      GIT_AUTHOR_NAME: 'Release',
      GIT_AUTHOR_EMAIL: 'release@localhost',
      GIT_COMMITTER_NAME: 'Release',
      GIT_COMMITTER_EMAIL: 'release@localhost',
    };
    timed('pnpm release', () => types('node scripts/release.mjs', copy, { ...env, ...who, NPM_TOKEN: registry.token }));
    for (const name of readdirSync(join(copy, 'packages'))) {
      const { version } = JSON.parse(readFileSync(join(copy, 'packages', name, 'package.json'), 'utf8')) as {
        version: string;
      };
      expect(await registry.latest(`@kd/${name}`), name).toBe(version);
      expect(types(`git tag --list "@kd/${name}@${version}"`, copy, env).trim()).toBe(`@kd/${name}@${version}`);
    }
    // A second one finds nothing to do, and is no error.
    types('node scripts/release.mjs', copy, { ...env, ...who, NPM_TOKEN: registry.token });
  });

  test('pnpm add, a config, a training', () => {
    types('pnpm init', user, env);
    const said = timed('pnpm add', () => types(`pnpm add ${PACKAGES}`, user, env));
    expect(said).not.toMatch(SCRIPTS);
    measured.push(`pnpm add ${PACKAGES}: ${megabytes(join(user, 'node_modules'))}`);
    timed('pnpm kd train, a teacher of two steps', () =>
      types('pnpm kd train teacher.config.ts --out runs/teacher', user, env),
    );
    trainStudent('pnpm kd', user);
  });

  test('npm install, the same config and teacher, the same training', () => {
    const folder = project();
    types('npm init --yes', folder, env);
    const said = timed('npm install', () => types(`npm install ${PACKAGES}`, folder, env));
    expect(said).not.toMatch(SCRIPTS);
    measured.push(`npm install ${PACKAGES}: ${megabytes(join(folder, 'node_modules'))}`);
    cpSync(join(user, 'runs/teacher'), join(folder, 'runs/teacher'), { recursive: true });
    trainStudent('npx kd', folder);
  });

  test('a plugin that is made, tested, trained with, published, and used by its short name', () => {
    const parent = temporaryFolder();
    const began = performance.now();
    expect(types('pnpm create @kd/plugin my-distiller', parent, env)).toContain(
      'kd-plugin-my-distiller: 9 files in my-distiller',
    );
    const own = join(parent, 'my-distiller');
    expect(types('pnpm install', own, env)).not.toMatch(SCRIPTS);
    addEngine(own);
    types(`pnpm teacher ${SHORT}`, own, env);
    types(`pnpm train ${SHORT}`, own, env);
    measured.push(
      `from an empty folder to the second step with a new plugin, its teacher's training included: ${((performance.now() - began) / 1000).toFixed(1)} s`,
    );
    const terms = loggedTerms(join(own, 'runs/student'));
    expect(terms).toHaveLength(2);
    for (const step of terms) expect(step['my-distiller.feat']).toBeGreaterThan(0);
    types('pnpm test', own, env);
    checkTypes(own, 'kd.config.ts', 'teacher.config.ts');

    const { host } = new URL(registry.url);
    writeFileSync(join(own, '.npmrc'), `//${host}/:_authToken=${registry.token}\n`);
    types('pnpm build && pnpm publish --no-git-checks', own, env);
    types('pnpm add kd-plugin-my-distiller', user, env);
    types('pnpm kd train kd.config.ts --out runs/mine', user, { ...env, DISTILLER: 'my-distiller' });
    for (const step of loggedTerms(join(user, 'runs/mine'))) expect(step['my-distiller.feat']).toBeGreaterThan(0);
  });

  test('a detector that is made, tested and trained', () => {
    const parent = temporaryFolder();
    // Of what npm has installed before it would take a package of this version again, of an earlier run of this test.
    types('npm create --yes @kd/detector my-detector', parent, { ...env, npm_config_cache: temporaryFolder() });
    const own = join(parent, 'my-detector');
    types('pnpm install', own, env);
    addEngine(own);
    types('pnpm build && pnpm test', own, env);
    types(`pnpm train ${SHORT}`, own, env);
    const terms = loggedTerms(join(own, 'runs/first'));
    expect(terms).toHaveLength(2);
    for (const step of terms) expect(step['box']).toBeGreaterThan(0);
    checkTypes(own, 'kd.config.ts');
  });

  test('core brings little', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'node_modules'));
    types('npm init --yes && npm install --omit=peer @kd/core', folder, env);
    const modules = join(folder, 'node_modules');
    const { dependencies } = JSON.parse(readFileSync(join(modules, '@kd/core/package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(6);
    measured.push(
      `@kd/core: ${Object.keys(dependencies).length} direct dependencies (${Object.keys(dependencies).join(', ')}), ${megabytes(modules)} without peers`,
    );
    types('npm install', folder, env);
    measured.push(`@kd/core with its peers: ${megabytes(modules)}`);
  });
});
