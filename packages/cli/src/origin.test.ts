import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readOrigin } from './origin.js';

let root: string;
let run: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kd-origin-'));
  run = join(root, 'runs', 'one');
  await mkdir(join(run, 'inner'), { recursive: true });
  await writeFile(join(root, 'kd.config.ts'), '');
  await writeFile(join(run, 'inner', 'kd.config.ts'), '');
  await symlink(join(run, 'inner', 'kd.config.ts'), join(root, 'link.ts'));
  await symlink(join(root, 'kd.config.ts'), join(run, 'out.ts'));
  await symlink(run, join(root, 'linked-run'));
});
beforeEach(() => rm(join(run, 'origin.json'), { force: true }));
afterAll(() => rm(root, { recursive: true }));

const write = (origin: unknown): Promise<void> => writeFile(join(run, 'origin.json'), JSON.stringify(origin));

test('follows what lies outside of the run folder', async () => {
  const origin = { config: join(root, 'kd.config.ts'), folder: root };
  await write({ ...origin, overrides: { epochs: 3, seed: '4', set: ['a=1', 5], more: 1 } });
  expect(await readOrigin(run)).toEqual({ ...origin, overrides: { epochs: 3, set: ['a=1'] }, refused: null });
  // A link is where it leads to.
  await write({ config: join(run, 'out.ts'), folder: root });
  expect(await readOrigin(run)).toMatchObject({ refused: null });
});

test.each([
  ['a config inside of it', () => ({ config: join(run, 'inner', 'kd.config.ts'), folder: root })],
  ['a way around', () => ({ config: join(root, 'runs', '..', 'runs', 'one', 'inner', 'kd.config.ts'), folder: root })],
  ['a link that leads into it', () => ({ config: join(root, 'link.ts'), folder: root })],
  [
    'by another name of the folder',
    () => ({ config: join(root, 'linked-run', 'inner', 'kd.config.ts'), folder: root }),
  ],
  ['a folder of plugins inside of it', () => ({ config: join(root, 'kd.config.ts'), folder: join(run, 'inner') })],
  ['the run folder itself', () => ({ config: join(root, 'kd.config.ts'), folder: run })],
])('loads no code from %s', async (_, origin) => {
  await write(origin());
  for (const folder of [run, join(root, 'linked-run')])
    expect((await readOrigin(folder)).refused).toMatch(/origin\.json names .* inside of the run folder/);
});

test.each([
  ['is none', null],
  ['a text', 'x'],
  ['odd', { config: 5, folder: {}, overrides: [] }],
  ['relative', { config: 'kd.config.ts', folder: '.', overrides: null }],
  ['one that is another for everybody', { config: '/proc/self/exe', folder: '/proc/self/cwd' }],
  ['gone', { config: '/gone/kd.config.ts', folder: '/gone' }],
])('an origin that %s names nothing', async (_, origin) => {
  await write(origin);
  expect(await readOrigin(run)).toEqual({ config: null, folder: null, overrides: {}, refused: null });
});

test('an origin that is damaged is told: where the config lay is not known', async () => {
  await writeFile(join(run, 'origin.json'), '{"config": "/so');
  await expect(readOrigin(run)).rejects.toMatchObject({
    code: 'RUN_FOLDER',
    message: expect.stringMatching(/origin\.json, which says .* cannot be read: .*restore it, or remove it/) as string,
  });
});
