import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResolvedConfig } from '@kd/core';
import { afterAll, expect, test } from 'vitest';
import { copiesOf, copyWarnings, SINGLE_PACKAGES, warnOfCopies } from './copies.js';

const json = (folder: string, content: object): string => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(content));
  return folder;
};

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

/** A project with a plugin that brings packages of its own, and one that brings none. */
function project(brought: Readonly<Record<string, string>>): { folder: string; plugin: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kd-copies-')));
  folders.push(folder);
  json(folder, { name: 'project', dependencies: { 'kd-plugin-old': '*', 'kd-plugin-poor': '*' } });
  const plugin = json(join(folder, 'node_modules/kd-plugin-old'), {
    name: 'kd-plugin-old',
    version: '1.0.0',
    kd: { kind: 'distiller', name: 'old', apiVersion: 1 },
  });
  json(join(folder, 'node_modules/kd-plugin-poor'), {
    name: 'kd-plugin-poor',
    version: '1.0.0',
    kd: { kind: 'distiller', name: 'poor', apiVersion: 1 },
  });
  for (const [name, version] of Object.entries(brought)) json(join(plugin, 'node_modules', name), { name, version });
  return { folder, plugin };
}

test('one copy of each is well', async () => {
  const { folder } = project({});
  const found = await copiesOf(SINGLE_PACKAGES, folder);
  expect(Object.values(found).map((copies) => copies.map(({ by }) => by[0]))).toEqual([['kd'], ['kd'], ['kd']]);
  expect(copyWarnings(found)).toEqual([]);
});

test('several are told with version, folder, who uses which, and the way out', async () => {
  const { folder, plugin } = project({ '@tensorflow/tfjs-core': '4.17.0', '@kd/core': '0.0.7' });
  const [core, tfjs, ...others] = copyWarnings(await copiesOf(SINGLE_PACKAGES, folder));
  expect(core).toContain('there are 2 copies of @kd/core: ');
  expect(core).toContain(`0.0.7 for kd-plugin-old (${join(plugin, 'node_modules/@kd/core')})`);
  expect(core).toContain('pnpm why @kd/core');
  expect(tfjs).toContain(
    `4.17.0 for kd-plugin-old (${join(plugin, 'node_modules/@tensorflow/tfjs-core')}); they overwrite each other's kernels and gradients`,
  );
  expect(tfjs).toMatch(/4\.22\.0 for kd \(.*pnpm dedupe.*peerDependencies/);
  expect(others).toEqual([]);
});

test.each([
  ['by name', ['old'], 1],
  ['by the name of the package', [['kd-plugin-old', {}]], 1],
  ['by its function', [{ definition: { name: 'old' }, options: {} }], 1],
  ['not at all', ['poor'], 0],
])('a training that names the plugin %s warns of its TensorFlow.js', async (_, distillers, count) => {
  const said: string[] = [];
  const { folder } = project({ '@tensorflow/tfjs-core': '4.17.0', '@kd/core': '0.0.7' });
  const config = { student: 'retinanet', distillers, engine: 'tensorflow' } as unknown as ResolvedConfig;
  await warnOfCopies(config, folder, { info: () => {}, warn: (message) => void said.push(message) });
  expect(said).toEqual(
    Array.from({ length: count }, () => expect.stringContaining('copies of @tensorflow/tfjs-core') as string),
  );
});

test('runs no code that a package names as its package.json', async () => {
  const { folder, plugin } = project({});
  const core = json(join(plugin, 'node_modules/@kd/core'), {
    name: '@kd/core',
    version: '0.0.7',
    exports: { './package.json': './code.cjs' },
  });
  writeFileSync(join(core, 'code.cjs'), "globalThis.__kdCopiesRan = true; module.exports = { version: '0.0.7' };");
  const found = await copiesOf(['@kd/core'], folder);
  expect(found['@kd/core'].flatMap(({ by }) => by)).not.toContain('kd-plugin-old');
  expect(globalThis).not.toHaveProperty('__kdCopiesRan');
});
