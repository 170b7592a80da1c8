import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import type { PluginDefinition } from '../contract/plugin.js';
import type { Use } from '../define.js';
import { discover } from '#host/manifests';
import { resolveDistillers } from './presets.js';

let project: string;

async function install(name: string, kd: unknown, code: string): Promise<void> {
  const folder = join(project, 'node_modules', name);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name, version: '1.2.3', type: 'module', exports: './index.js', kd }),
  );
  await writeFile(join(folder, 'index.js'), code);
}

/** What a definition holds beside kind and name. */
const WHOLE = `apiVersion: 1, requires: {}, options: { '~standard': { validate: () => {} } }, create: () => {}`;

const distiller = (name: string): string =>
  `export default Object.assign(() => {}, { definition: { kind: 'distiller', name: '${name}', ${WHOLE} } });`;
const manifest = (kind: string, name: string, more = {}) => ({ kind, name, apiVersion: 1, ...more });

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'kd-presets-'));
  await install('@kd/plugin-one', manifest('distiller', 'one'), distiller('one'));
  await install(
    '@kd/plugin-two',
    [
      manifest('distiller', 'two'),
      manifest('preset', 'one+two', { export: 'oneTwo' }),
      manifest('preset', 'by-student', { export: 'byStudent' }),
    ],
    `${distiller('two')}
     export const oneTwo = ['one', ['two', { weight: 2 }, { as: 'second' }]];
     export const byStudent = (student) => [['two', { weight: student === 'gfl' ? 6 : 1 }]];`,
  );
  await install(
    'broken',
    [
      manifest('preset', 'five', { export: 'five' }),
      manifest('preset', 'six', { export: 'six' }),
      manifest('preset', 'lacks', { export: 'lacks' }),
      manifest('preset', 'absent', { export: 'absent' }),
      manifest('preset', 'throws', { export: 'throwing' }),
      manifest('preset', 'void', { export: 'nothing' }),
      manifest('preset', 'nested', { export: 'nested' }),
    ],
    `export const five = 5; export const six = [6]; export const lacks = ['one', 'three']; export const throwing = () => { throw new Error('oh'); }; export const nothing = () => {}; export const nested = ['one', 'one+two'];`,
  );
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'project', dependencies: { '@kd/plugin-one': '*', '@kd/plugin-two': '*', broken: '*' } }),
  );
});
afterAll(() => rm(project, { recursive: true }));

const resolved = async (...entries: Parameters<typeof resolveDistillers>[0]) =>
  (await resolveDistillers(entries, 'gfl', project)).map(({ definition, ...use }) => ({
    name: definition.name,
    ...use,
  }));

describe('resolveDistillers', () => {
  it('puts the list of a preset where its name stands', async () => {
    expect(await resolved('one+two')).toEqual([
      { name: 'one', options: {}, preset: 'one+two' },
      { name: 'two', options: { weight: 2 }, as: 'second', preset: 'one+two' },
    ]);
    const own = {
      definition: {
        kind: 'distiller',
        name: 'own',
        apiVersion: 1,
        options: v.strictObject({}),
        requires: {},
        create: () => ({}),
      } satisfies PluginDefinition,
      options: {},
    } satisfies Use<PluginDefinition>;
    expect(
      (await resolved(own, 'one+two', ['one', { weight: 3 }, { as: 'first' }])).map(({ name, as }) => as ?? name),
    ).toEqual(['own', 'one', 'second', 'first']);
  });

  it('asks a preset that depends on the student for its list', async () => {
    expect(await resolved('by-student')).toEqual([{ name: 'two', options: { weight: 6 }, preset: 'by-student' }]);
    expect(await resolveDistillers(['by-student'], 'fcos', project)).toMatchObject([{ options: { weight: 1 } }]);
  });

  it('lists presets beside plugins', async () => {
    expect(
      (await discover(project))
        .filter(({ kind }) => kind === 'preset')
        .map(({ name, package: from }) => `${name} of ${from}`),
    ).toEqual([
      'absent of broken',
      'by-student of @kd/plugin-two',
      'five of broken',
      'lacks of broken',
      'nested of broken',
      'one+two of @kd/plugin-two',
      'six of broken',
      'throws of broken',
      'void of broken',
    ]);
  });

  it.each([
    [
      'options for a preset',
      ['one+two', { weight: 3 }],
      'CONFIG_INVALID',
      'distillers: "one+two" is a preset and takes no options; write its list with the options that you want instead: "one", ["two",{"weight":2},{"as":"second"}].',
    ],
    ['an export that is no list', 'five', 'PLUGIN_INVALID', /the export "five" of broken 1\.2\.3 is no preset/],
    ['an export that is not there', 'absent', 'PLUGIN_INVALID', /the export "absent" of broken 1\.2\.3 is no preset/],
    [
      'a list of something else',
      'six',
      'PLUGIN_INVALID',
      /^the preset "six" of broken 1\.2\.3 is no list of distillers: must be a name/,
    ],
    [
      'a function that throws',
      'throws',
      'PLUGIN_INVALID',
      'the preset "throws" of broken 1.2.3 threw for the student "gfl": oh',
    ],
    [
      'a function that gives nothing',
      'void',
      'PLUGIN_INVALID',
      'the preset "void" of broken 1.2.3 is no list of distillers: it is undefined.',
    ],
    [
      'a preset in a preset',
      'nested',
      'PLUGIN_INVALID',
      'the preset "nested" of broken 1.2.3 lists the preset "one+two"; a preset lists distillers alone.',
    ],
    [
      'a preset whose plugin is not installed',
      'lacks',
      'PLUGIN_NOT_FOUND',
      /^no distiller named "three" is installed .* Installed: .*\.$/,
    ],
    ['a name that nobody has', 'one+twoo', 'PLUGIN_NOT_FOUND', /did you mean "one\+two"\? Installed: .*\.$/],
  ] as const)('refuses %s', async (_, entry, code, message) => {
    await expect(resolved(entry as string)).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });
});
