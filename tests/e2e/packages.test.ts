import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { describe, expect, test } from 'vitest';
import { root, temporaryFolder } from './kd.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly keywords: readonly string[];
  readonly kd?: KdManifest | readonly KdManifest[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}
interface KdManifest {
  readonly kind: string;
  readonly name: string;
  readonly apiVersion: number;
  readonly export?: string;
}

const PEER_RANGES: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs-core': '^4.22.0',
  '@tensorflow/tfjs-layers': '^4.22.0',
  'onnxruntime-node': '^1.20.0',
  'onnxruntime-web': '^1.20.0',
  vitest: '^4.1.0',
  webgpu: '^0.6.2',
};
const HEADINGS = ['Install', 'Use', 'Options', 'Notes'];

const folder = temporaryFolder();
/** Nothing is packed twice: this is the dry run of a release, which leaves here what it packed. */
const state = (): string =>
  spawnSync('git', ['status', '--porcelain', '--', '.changeset', '*package.json', '*CHANGELOG.md'], {
    cwd: root,
    encoding: 'utf8',
  }).stdout;
const before = state();
const dry = spawnSync(process.execPath, [join(root, 'scripts/release.mjs'), '--dry-run', '--files', '--to', folder], {
  cwd: temporaryFolder(),
  encoding: 'utf8',
});
if (dry.status !== 0) throw new Error(dry.stderr);
const after = state();

const json = (file: string): Manifest => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
const listed = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];
const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
/** Of each tarball the name, the version, and the folder that it was unpacked into. */
const packed = readdirSync(folder)
  .filter((file) => file.endsWith('.tgz'))
  .map((file) => {
    const [filename, place] = [join(folder, file), join(folder, file.slice(0, -'.tgz'.length))];
    mkdirSync(place);
    spawnSync('tar', ['xzf', filename, '-C', place, '--strip-components=1']);
    const { name, version } = json(join(place, 'package.json'));
    return { name, version, filename, place };
  });
/** What a module names behind `from`, `import` or `import(`. */
const imports = (code: string): string[] =>
  [...code.matchAll(/(?:^|[\s;}])(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/gm)].map(([, name]) => name!);

/** Where Node finds a package from the folder of another. */
function installed(name: string, from: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    const place = join(at, 'node_modules', name);
    if (existsSync(place)) return realpathSync(place);
    if (at === dirname(at)) return null;
  }
}

/** The folders of all that is installed with a package, its peers too. */
function everything(from: string, found = new Set<string>()): Set<string> {
  if (found.has(from)) return found;
  found.add(from);
  const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = json(
    join(from, 'package.json'),
  );
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
    // What a person adds himself, or leaves out: its page says how without scripts.
    if (peerDependenciesMeta?.[name]?.optional === true) continue;
    const place = installed(name, from);
    if (place !== null) everything(place, found);
  }
  return found;
}

test('every package of the workspace is packed', () => {
  const folders = readdirSync(join(root, 'packages')).filter((name) =>
    existsSync(join(root, 'packages', name, 'package.json')),
  );
  expect(packed.map(({ name }) => name).sort()).toEqual(folders.map((name) => `@kd/${name}`).sort());
});

test('a dry run of the release shows what would go, and changes nothing', () => {
  for (const { name, version } of packed) {
    const line = dry.stdout.split('\n').find((one) => one.startsWith(`${name} `));
    const [, now, next] = / (\d+\.\d+)\.\d+(?: → (\S+))? +\d+ +\d+\.\d kB +\d+\.\d kB$/.exec(line!) ?? [];
    expect(version.startsWith(`${now}.`), line).toBe(true);
    // No minor of core may make a major of what has it as a peer, and before 1.0.0 all are patches.
    if (next !== undefined) expect(next.startsWith(`${now}.`), line).toBe(true);
  }
  expect(dry.stdout).toMatch(/^ {4}dist\/run\/trainer\.js {2}\d+\.\d kB$/m);
  expect(after).toBe(before);
});

test('a release without a token stops before anything', () => {
  const release = spawnSync(process.execPath, [join(root, 'scripts/release.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, NPM_TOKEN: '' },
  });
  expect(release.status).toBe(1);
  expect(release.stderr).toContain('NPM_TOKEN is not set');
});

describe.each(packed)('$name', ({ name, filename, version, place }) => {
  const source = join(root, 'packages', name.slice('@kd/'.length));
  const manifest = json(join(place, 'package.json'));
  const files = (readdirSync(place, { recursive: true }) as string[]).filter((file) => !file.startsWith('vendor'));
  const built = files.filter((file) => /^dist\/.*\.js$/.test(file));
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };

  test('publint has nothing to say', async () => {
    const bytes = new Uint8Array(readFileSync(filename)).buffer;
    const { messages } = await publint({ pack: { tarball: bytes }, strict: true });
    expect(messages.map((message) => formatMessage(message, manifest as never))).toEqual([]);
  });

  test.runIf(manifest.exports['.'] !== undefined)('types and code are found by whoever imports it as ESM', async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(filename))));
    if (result.types === false) throw new Error('It has no types.');
    const modern = result.problems.filter(
      (problem) => !('resolutionKind' in problem) || !['node10', 'node16-cjs'].includes(problem.resolutionKind),
    );
    expect(modern).toEqual([]);
  });

  test('says what it is', () => {
    expect(manifest).toMatchObject({
      version,
      type: 'module',
      license: 'MIT',
      engines: { node: '>=20.19' },
      repository: { directory: `packages/${name.slice('@kd/'.length)}` },
      publishConfig: { access: 'public', provenance: true },
      keywords: expect.arrayContaining(['knowledge-distillation', 'object-detection', 'tensorflow']),
    });
    expect(manifest).toHaveProperty('sideEffects');
    expect(manifest.exports['./package.json']).toBe('./package.json');
    expect(readFileSync(join(place, 'LICENSE'), 'utf8')).toContain('MIT License');
    const { sideEffects } = manifest as unknown as { sideEffects: boolean | string[] };
    if (typeof sideEffects !== 'boolean') for (const file of sideEffects) expect(files).toContain(file.slice(2));
  });

  test('is what its manifest for @kd promises', async () => {
    const kind = /^@kd\/(plugin|detector|backbone|teacher|engine)-/.exec(name)?.[1];
    const kinds = listed(manifest.kd);
    expect(kinds.length > 0).toBe(kind !== undefined);
    if (kind === undefined) return;
    expect(manifest.keywords).toContain(`kd-${kind}`);
    const exported = (await import(join(source, 'dist/index.js'))) as Record<string, { definition?: object }>;
    for (const one of kinds) {
      const found = exported[one.export ?? 'default'];
      if (kind === 'plugin' && one.kind === 'preset') {
        const preset: unknown =
          typeof found === 'function' ? (found as (student: string) => unknown)('retinanet') : found;
        expect(Array.isArray(preset), one.export).toBe(true);
        continue;
      }
      expect(one.kind).toBe(kind === 'plugin' ? 'distiller' : kind);
      // An engine is loaded when it is made, which needs its library: that it is a function has to do.
      if (kind === 'engine') expect(found).toBeTypeOf('function');
      else
        expect(found?.definition, one.export).toMatchObject({
          kind: one.kind,
          name: one.name,
          apiVersion: one.apiVersion,
        });
    }
  });

  test('carries no test, and the sources that its maps point at', () => {
    expect(files.filter((file) => /\.test\.(?!ts\.tpl$)|tsbuildinfo|node_modules/.test(file))).toEqual([]);
    expect(built.length).toBeGreaterThan(0);
    for (const file of built)
      for (const output of [file, file.replace(/\.js$/, '.d.ts')]) {
        const { sources } = JSON.parse(readFileSync(join(place, `${output}.map`), 'utf8')) as { sources: string[] };
        for (const path of sources)
          expect(existsSync(join(place, dirname(output), path)), `${output}.map: ${path}`).toBe(true);
      }
  });

  test('names everything that it imports', () => {
    const used = built.flatMap((file) =>
      imports(readFileSync(join(place, file), 'utf8'))
        .filter((specifier) => !/^(\.|node:|#host\/)/.test(specifier))
        .map(packageOf),
    );
    expect(
      [...new Set(used)].filter((one) => one !== name && declared[one] === undefined && !builtinModules.includes(one)),
    ).toEqual([]);
  });

  test('pins what it brings and shares what a project may have once', () => {
    for (const [dependency, range] of Object.entries(manifest.dependencies ?? {}))
      expect(range, dependency).toMatch(
        dependency.startsWith('@kd/') ? /^\^\d+\.\d+\.\d+$/ : /^\d+\.\d+\.\d+(?:-[\w.]+)?$/,
      );
    for (const [peer, range] of Object.entries(manifest.peerDependencies ?? {}))
      expect(range, peer).toBe(
        PEER_RANGES[peer] ?? `^${json(join(root, 'packages', peer.slice('@kd/'.length), 'package.json')).version}`,
      );
    const shared = Object.keys(manifest.dependencies ?? {}).filter(
      (one) => one in PEER_RANGES || (one === '@kd/core' && name !== '@kd/cli'),
    );
    expect(shared, 'only peers').toEqual([]);
  });

  test('runs no script when it is installed, nor does anything that it brings', () => {
    const scripted = (at: string): boolean => {
      const { scripts = {} } = json(join(at, 'package.json'));
      return (
        ['preinstall', 'install', 'postinstall'].some((script) => script in scripts) ||
        existsSync(join(at, 'binding.gyp'))
      );
    };
    expect(scripted(place)).toBe(false);
    expect([...everything(source)].filter(scripted)).toEqual([]);
  });

  test('has a readme of four parts', () => {
    const headings = [...readFileSync(join(place, 'README.md'), 'utf8').matchAll(/^## (.+)$/gm)].map(
      ([, heading]) => heading!,
    );
    expect(headings.filter((heading) => HEADINGS.includes(heading))).toEqual(HEADINGS);
  });
});
