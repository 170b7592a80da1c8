import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importByName } from './discovery.js';
import { discover } from './manifests.js';

let project: string;
const ran = (): string[] => ((globalThis as { __kdRan?: string[] }).__kdRan ??= []);

/** A package in node_modules whose code says that it ran. */
async function install(name: string, json: object, code: string, under = project): Promise<void> {
  const folder = join(under, 'node_modules', name);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name, version: '1.2.3', type: 'module', exports: './index.js', ...json }),
  );
  await writeFile(join(folder, 'index.js'), `(globalThis.__kdRan ??= []).push(${JSON.stringify(name)});\n${code}`);
}

/** What a definition holds beside kind and name. */
const WHOLE = `apiVersion: 1, requires: {}, options: { '~standard': { validate: () => {} } }, create: () => {}`;

const distiller = (name: string): string =>
  `export default Object.assign(() => {}, { definition: { kind: 'distiller', name: '${name}', ${WHOLE} } });`;
const kd = (name: string, apiVersion = 1, kind = 'distiller') => ({
  description: `about ${name}`,
  keywords: ['kd-plugin'],
  kd: { kind, name, apiVersion },
});

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'kd-discovery-'));
  await install('@kd/plugin-one', kd('one'), distiller('one'));
  await install('kd-plugin-two', {}, distiller('two'));
  await install('acme-distill', kd('three'), distiller('three'));
  await install('import-only', { ...kd('four'), exports: { '.': { import: './index.js' } } }, distiller('four'));
  await install('unbuilt', { ...kd('five'), exports: './dist/index.js' }, '');
  await install('old', kd('six', 0), distiller('six'));
  await install('needy', kd('seven'), `import 'a-peer-of-needy';\n${distiller('seven')}`);
  await install('newer', kd('ten', 2), distiller('ten'));
  await install('vague', { kd: { kind: 'distiller', name: 'eleven' } }, distiller('eleven'));
  await install(
    'requires',
    kd('twelve'),
    `import { createRequire } from 'node:module'; createRequire(import.meta.url)('@scope/peer/part');\n${distiller('twelve')}`,
  );
  await install('broken', kd('thirteen'), `import './gone.js';\n${distiller('thirteen')}`);
  await install('throws', kd('eight'), `throw new Error('no luck');`);
  await install('not-one', kd('nine'), 'export default 5;');
  await install(
    'a-detector',
    kd('net', 1, 'detector'),
    `export default { definition: { kind: 'detector', name: 'net', ${WHOLE} } };`,
  );
  await install(
    'an-engine',
    kd('motor', 1, 'engine'),
    `export default () => ({ name: 'motor', start: async () => {}, capabilities: () => ({}) });`,
  );
  await install('strange', { kd: { kind: 'toString', name: 'x', apiVersion: 1 } }, '');
  await install(
    'family',
    {
      description: 'two of them',
      kd: [
        { kind: 'detector', name: 'elder', apiVersion: 1 },
        { kind: 'detector', name: 'younger', apiVersion: 1, export: 'second' },
        { kind: 'distiller', name: 'lost', apiVersion: 1, export: 'third' },
        { kind: 'none' },
        null,
      ],
    },
    `export default { definition: { kind: 'detector', name: 'elder', ${WHOLE} } }; export const second = { definition: { kind: 'detector', name: 'younger', ${WHOLE} } };`,
  );
  await install(
    '@kd/plugin-pair',
    {
      kd: [
        { kind: 'distiller', name: 'single', apiVersion: 1 },
        { kind: 'distiller', name: 'pair', apiVersion: 1, export: 'pair' },
      ],
    },
    `export const pair = { definition: { kind: 'distiller', name: 'pair', ${WHOLE} } };`,
  );
  await install(
    'half',
    kd('half', 1, 'detector'),
    `export default { definition: { kind: 'detector', name: 'half', apiVersion: '1', create: () => {} } };`,
  );
  await install(
    'idle-engine',
    kd('idle', 1, 'engine'),
    `export default () => ({ name: 'idle', start: 'now', capabilities: () => ({}) });`,
  );
  await install('indirect', kd('hidden'), distiller('hidden'));
  const direct = [
    '@kd/plugin-one',
    'acme-distill',
    'import-only',
    'unbuilt',
    'old',
    'newer',
    'vague',
    'needy',
    'requires',
    'broken',
    'throws',
    'not-one',
    'a-detector',
    'an-engine',
    'strange',
    'family',
    'missing',
    'half',
    'idle-engine',
  ];
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'project', devDependencies: Object.fromEntries(direct.map((name) => [name, '*'])) }),
  );
  await mkdir(join(project, 'configs', 'deep'), { recursive: true });
});
afterAll(() => rm(project, { recursive: true }));

describe('discover', () => {
  it('lists the direct dependencies that say what they are, without running them', async () => {
    const before = ran().length;
    const manifests = await discover(join(project, 'configs', 'deep'));
    expect(manifests.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'detector elder',
      'detector half',
      'detector net',
      'detector younger',
      'distiller eight',
      'distiller five',
      'distiller four',
      'distiller lost',
      'distiller nine',
      'distiller one',
      'distiller seven',
      'distiller six',
      'distiller ten',
      'distiller thirteen',
      'distiller three',
      'distiller twelve',
      'engine idle',
      'engine motor',
    ]);
    expect(manifests.find(({ name }) => name === 'three')).toEqual({
      kind: 'distiller',
      name: 'three',
      apiVersion: 1,
      export: 'default',
      package: 'acme-distill',
      version: '1.2.3',
      description: 'about three',
    });
    expect(manifests.find(({ name }) => name === 'younger')).toEqual({
      kind: 'detector',
      name: 'younger',
      apiVersion: 1,
      export: 'second',
      package: 'family',
      version: '1.2.3',
      description: 'two of them',
    });
    expect(ran()).toHaveLength(before);
  });
});

describe('importByName', () => {
  const load = (name: string) => importByName('distiller', name, join(project, 'configs'));

  it.each([['one'], ['two'], ['three'], ['four']])(
    'finds "%s" by manifest, then by the names of packages',
    async (name) => {
      expect(await load(name)).toMatchObject({ kind: 'distiller', name });
    },
  );

  it('takes a package by its own name, runs just that one', async () => {
    const before = ran().length;
    expect(await load('acme-distill')).toMatchObject({ name: 'three' });
    expect(
      ran()
        .slice(before)
        .filter((name) => name !== 'acme-distill'),
    ).toEqual([]);
  });

  it('finds detectors and engines', async () => {
    expect(await importByName('detector', 'net', project)).toMatchObject({ name: 'net' });
    expect(await importByName('engine', 'motor', project)).toMatchObject({ name: 'motor' });
  });

  it('takes of a package with several the export that its manifest names', async () => {
    expect(await importByName('detector', 'elder', project)).toMatchObject({ name: 'elder' });
    expect(await importByName('detector', 'younger', project)).toMatchObject({ name: 'younger' });
    expect(await load('pair'), 'also where the project does not list the package').toMatchObject({ name: 'pair' });
    await expect(importByName('detector', 'family', project)).rejects.toMatchObject({
      code: 'PLUGIN_NOT_FOUND',
      message: 'family holds more than one detector: elder, younger. Write one of these names.',
    });
    await expect(load('lost')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringContaining('the export "third" of family 1.2.3 is no distiller'),
    });
  });

  it('tells for an unknown name what was meant, what is installed, and how to add it', async () => {
    await expect(load('thre')).rejects.toMatchObject({
      code: 'PLUGIN_NOT_FOUND',
      message: expect.stringMatching(
        /no distiller named "thre".*did you mean "three"\? Installed: eight, five, .*three, twelve\.$/,
      ),
    });
  });

  it('does not take a module of Node for a plugin', async () => {
    await expect(load('assert')).rejects.toMatchObject({ code: 'PLUGIN_NOT_FOUND' });
  });

  it('refuses another version of the contract before running the code', async () => {
    await expect(load('six')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'old 1.2.3 is built for version 0 of the contract, this core speaks 1. Install a newer version of it: pnpm add old@latest.',
    });
    await expect(load('ten')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'newer 1.2.3 is built for version 2 of the contract, this core speaks 1. Bring core up to it (pnpm up --latest @kd/core @kd/cli), or install an older version of newer.',
    });
    await expect(load('eleven')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringMatching(
        /^vague 1\.2\.3 cannot be used as a plugin: in its package\.json, kd\.apiVersion is missing/,
      ),
    });
    for (const name of ['old', 'newer', 'vague']) expect(ran()).not.toContain(name);
  });

  it('names a missing peer and the line that adds it', async () => {
    await expect(load('seven')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'needy 1.2.3 needs the package a-peer-of-needy, which is not installed beside it. To add it: pnpm add a-peer-of-needy',
    });
    await expect(load('twelve')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'requires 1.2.3 needs the package @scope/peer, which is not installed beside it. To add it: pnpm add @scope/peer',
    });
    // A file of its own is no peer.
    await expect(load('thirteen')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringMatching(/^broken 1\.2\.3 could not be imported: .*gone\.js/),
    });
  });

  it('names the package and every member that a definition lacks', async () => {
    await expect(importByName('detector', 'half', project)).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'the detector that half 1.2.3 exports as "default" cannot be used: apiVersion is the string "1"; it must be a number; options is missing; it must be a Standard Schema (of valibot, zod, …).',
    });
    await expect(importByName('engine', 'idle', project)).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'the engine that the export "default" of idle-engine 1.2.3 makes cannot be used: start is the string "now"; it must be a function.',
    });
  });

  it('tells a package that is there but cannot be loaded, throws, or is no plugin', async () => {
    await expect(load('five')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringMatching(/^unbuilt /),
    });
    await expect(load('eight')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: 'throws 1.2.3 could not be imported: no luck',
    });
    await expect(load('nine')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: expect.stringContaining('the default export of not-one 1.2.3 is no distiller'),
    });
  });
});
