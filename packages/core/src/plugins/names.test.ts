import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { importByName, manifestWarnings } from '#host/discovery';
import { discover, readManifests } from '#host/manifests';
import type { PluginKind } from './manifest.js';
import { ourNames, ownerOf } from './our-packages.js';

let project: string;
let direct: Record<string, string>;
const ran = (): string[] => ((globalThis as { __kdNames?: string[] }).__kdNames ??= []);

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'kd-names-'));
  direct = {};
  ran().length = 0;
});
afterEach(() => rm(project, { recursive: true }));

/** A package in node_modules whose code says that it ran; `kd` is what its manifest has there. */
async function install(key: string, kd: unknown, more: { readonly json?: object; readonly indirect?: boolean } = {}) {
  const folder = join(project, 'node_modules', key);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: key, version: '1.2.3', type: 'module', exports: './index.js', kd, ...more.json }),
  );
  await writeFile(join(folder, 'index.js'), code(key, (kd as { kind?: string } | undefined)?.kind));
  if (more.indirect !== true) direct[key] = '*';
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'project', dependencies: direct }));
}

/** What a definition holds beside kind and name. */
const WHOLE = `apiVersion: 1, requires: {}, options: { '~standard': { validate: () => {} } }, create: () => {}`;

const code = (who: string, kind = 'distiller'): string =>
  `(globalThis.__kdNames ??= []).push(${JSON.stringify(who)}); export default { definition: { kind: ${JSON.stringify(kind)}, name: 'it', ${WHOLE}, from: ${JSON.stringify(who)} } };`;
const kd = (name: unknown, kind: unknown = 'distiller', apiVersion: unknown = 1) => ({ kind, name, apiVersion });
const load = (name: string, namedBy?: string, kind: PluginKind = 'distiller') =>
  importByName(kind, name, project, namedBy);

describe('a name out of a file', () => {
  it('selects among declared plugins', async () => {
    await install('acme-distill', kd('three'));
    expect(await load('three', 'FILE')).toMatchObject({ from: 'acme-distill' });
  });

  it('takes a package of this house that is no direct dependency', async () => {
    await install('@kd/plugin-imitation', kd('fgfi'), { indirect: true });
    await install('other', undefined);
    expect(await load('fgfi', 'FILE')).toMatchObject({ from: '@kd/plugin-imitation' });
  });

  it('is never a path, nor a package that declares nothing or that nobody depends on', async () => {
    await install('acme-distill', kd('three'));
    await install('undeclared', undefined);
    await install('kd-plugin-hidden', kd('hidden'), { indirect: true });
    await install('@kd/plugin-liar', kd('other-name'), { indirect: true });
    const outside = join(project, 'outside.mjs');
    await writeFile(outside, code('outside'));
    const names = [
      outside,
      './outside.mjs',
      '../outside.mjs',
      'file:///x',
      'data:text/javascript,1',
      'undeclared',
      'acme-distill',
      'kd-plugin-hidden',
      'hidden',
      'liar',
      'node:fs',
      'fs',
      '',
      'constructor',
      '__proto__',
      'toString',
      'ssim',
    ];
    for (const name of names) {
      const error = await load(name, 'FILE').catch((thrown: unknown) => thrown);
      expect(error, name).toMatchObject({
        code: 'PLUGIN_NOT_FOUND',
        message: expect.stringContaining('as FILE names it') as string,
      });
    }
    expect(ran()).toEqual([]);
    // A person may still write them.
    expect(await load('./outside.mjs')).toMatchObject({ from: 'outside' });
    expect(await load('undeclared')).toMatchObject({ from: 'undeclared' });
    expect(await load('hidden')).toMatchObject({ from: 'kd-plugin-hidden' });
  });
});

describe('two packages of one name', () => {
  it('are an error that names both', async () => {
    await install('first', kd('three'));
    await install('second', kd('three'));
    await expect(load('three')).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message:
        'first and second both claim the distiller "three"; nothing was loaded. Remove one of them (pnpm remove first), or write the name of the package that you mean.',
    });
    expect(await load('second')).toMatchObject({ from: 'second' });
    expect(await manifestWarnings(await readManifests(project))).toEqual([
      expect.stringContaining('first and second both claim'),
    ]);
  });

  it.each([
    ['a direct dependency, too', {}],
    ['installed', { indirect: true }],
    ['not installed', null],
  ])('our own and a stranger, ours %s', async (_, ours) => {
    if (ours !== null) await install('@kd/plugin-ssim', kd('ssim'), ours);
    await install('stranger', kd('ssim'));
    for (const namedBy of [undefined, 'FILE'])
      await expect(load('ssim', namedBy)).rejects.toMatchObject({
        code: 'PLUGIN_INVALID',
        message: expect.stringMatching(
          /(@kd\/plugin-ssim and stranger|stranger and @kd\/plugin-ssim) both claim the distiller "ssim" \(the name belongs to @kd\/plugin-ssim\).*pnpm remove stranger/,
        ) as string,
      });
    expect(ran()).toEqual([]);
  });

  it('a preset of the name of a distiller, and a package of the name of a plugin', async () => {
    await install('stranger', kd('ssim', 'preset'));
    await expect(load('ssim')).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
    await install('acme', kd('three'));
    await install('thief', kd('acme'));
    await expect(load('acme')).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
    expect(ran()).toEqual([]);
  });
});

it('imports by the key of the dependency, whatever the package calls itself', async () => {
  await writeFile(join(project, 'outside.mjs'), code('outside'));
  await install('honest', kd('three'), { json: { name: '../outside.mjs' } });
  await install('@kd/plugin-ssim', kd('ssim'), { json: { name: 'a-fork' } });
  expect(await load('three')).toMatchObject({ from: 'honest' });
  expect(await load('ssim')).toMatchObject({ from: '@kd/plugin-ssim' });
  expect((await discover(project)).map((one) => one.package)).toEqual(['@kd/plugin-ssim', 'honest']);
});

describe('odd manifests', () => {
  const cases: [string, unknown, string][] = [
    ['apiVersion an object', kd('odd', 'distiller', { toString: null }), 'kd.apiVersion is no whole number'],
    ['apiVersion a list', kd('odd', 'distiller', [1]), 'kd.apiVersion is no whole number'],
    ['apiVersion a text', kd('odd', 'distiller', '1'), 'kd.apiVersion is no whole number'],
    ['no apiVersion', { kind: 'distiller', name: 'odd' }, 'kd.apiVersion is missing'],
    ['kind an object', kd('odd', { toString: null }), 'kd.kind is no kind that this core knows'],
    ['kind a list', kd('odd', ['distiller']), 'kd.kind is no kind that this core knows'],
    ['kind of a method', kd('odd', 'toString'), 'kd.kind is no kind that this core knows'],
    ['name an object', kd({}), 'kd.name is no text'],
    ['name a list', kd(['odd']), 'kd.name is no text'],
    ['name a path', kd('../odd'), 'kd.name is no name (letters, digits and . _ + -, at most 100)'],
    ['name with signs', kd('odd\u001b[2J\nx'), 'kd.name is no name (letters, digits and . _ + -, at most 100)'],
    ['name of 10 MB', kd('x'.repeat(1e7)), 'kd.name is no name (letters, digits and . _ + -, at most 100)'],
    ['export a number', { ...kd('odd'), export: 5 }, 'kd.export is no text'],
    ['a text', 'distiller', 'kd is no object'],
    ['null', null, 'kd is no object'],
    ['a list in a list', [[kd('odd')]], ''],
    [
      'a list without end',
      Array.from({ length: 20_000 }, (_, i) => kd(`odd${i}`)),
      'kd has 20000 entries, more than the 100 that a package may declare',
    ],
    ['one name twice', [kd('odd'), kd('odd')], 'it declares the distiller "odd" twice'],
  ];
  it.each(cases)('%s is skipped with a warning', async (_, manifest, why) => {
    await install('good', kd('three'));
    await install('odd-one', manifest);
    const found = await readManifests(project);
    expect(found.declared.filter((one) => one.package === 'good')).toHaveLength(1);
    expect(await manifestWarnings(found)).toEqual([
      expect.stringContaining(`odd-one 1.2.3 cannot be used as a plugin: in its package.json, ${why}`),
    ]);
    expect(await load('three')).toMatchObject({ from: 'good' });
    expect(ran()).toEqual(['good']);
  });

  it('is an error where a config names it, and none of its code runs', async () => {
    await install('odd-one', kd('odd', 'distiller', {}));
    for (const name of ['odd', 'odd-one'])
      await expect(load(name)).rejects.toMatchObject({
        code: 'PLUGIN_INVALID',
        message: expect.stringMatching(/^odd-one 1\.2\.3 cannot be used as a plugin/) as string,
      });
    expect(ran()).toEqual([]);
  });

  it.each(['[]', 'null', '5', '{', '{"dependencies":"x"}', '{"dependencies":{"../up":"*"}}'])(
    'of the project itself: %s',
    async (text) => {
      await writeFile(join(project, 'package.json'), text);
      await mkdir(join(project, 'node_modules'), { recursive: true });
      await writeFile(join(project, 'package.json'), text);
      expect(await discover(project)).toEqual([]);
    },
  );
});

describe('advice', () => {
  it.each([
    ['fgfi', 'distiller', 'pnpm add @kd/plugin-imitation'],
    ['crosskd+pkd', 'distiller', 'pnpm add @kd/plugin-crosskd'],
    ['atss', 'detector', 'pnpm add @kd/detector-gfl'],
    ['cascade-rcnn', 'detector', 'pnpm add @kd/detector-faster-rcnn'],
    ['tensorflow', 'engine', 'pnpm add @kd/engine-tensorflow'],
    ['webgpu', 'engine', 'Installed: none. To add it: pnpm add @kd/engine-webgpu webgpu'],
    ['atsss', 'detector', 'did you mean "atss"? Installed: none. To add it: pnpm add @kd/detector-gfl'],
  ] as const)('%s is added by the package that holds it', async (name, kind, end) => {
    await install('other', undefined);
    const error = (await load(name, undefined, kind).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message.endsWith(end), error.message).toBe(true);
  });

  it('invents no package for a name that nobody knows', async () => {
    await install('acme', kd('three'));
    await expect(load('somethingelse')).rejects.toMatchObject({
      message: expect.stringMatching(
        /no distiller named "somethingelse" is installed for .*; Installed: three\.$/,
      ) as string,
    });
  });
});

test('the table of our names is what the manifests of this workspace say', async () => {
  const packages = fileURLToPath(new URL('../../..', import.meta.url));
  const said: string[] = [];
  for (const folder of await readdir(packages)) {
    const json = JSON.parse(await readFile(join(packages, folder, 'package.json'), 'utf8')) as {
      name: string;
      kd?: { kind: PluginKind; name: string };
    };
    for (const { kind, name } of [json.kd ?? []].flat()) {
      said.push(name);
      expect(ownerOf(kind, name)).toBe(json.name);
    }
  }
  expect(said.length).toBeGreaterThan(15);
  const known = [
    ...ourNames('distiller'),
    ...ourNames('detector'),
    ...ourNames('backbone'),
    ...ourNames('teacher'),
    ...ourNames('engine'),
  ];
  expect([...known].sort()).toEqual(said.sort());
});
