import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { labelNames } from './label-names.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kd-names-')));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'photos/sub'), { recursive: true });
symlinkSync(join(folder, 'photos'), join(folder, 'link'));
const at = (...names: string[]): string[] => names.map((name) => join(folder, name));
const names = (files: string[], out: string, given?: string) => {
  const { root, images } = labelNames(
    at(...files),
    join(folder, out),
    given === undefined ? given : join(folder, given),
  );
  return [root.slice(folder.length + 1), images.map(({ name }) => name)];
};

test('names start at the folder of the output, where all images lie in it', () => {
  expect(names(['photos/a.png', 'photos/sub/b.png'], 'photos/x.json')).toEqual(['photos', ['a.png', 'sub/b.png']]);
  expect(names(['photos/a.png'], 'x.json')).toEqual(['', ['photos/a.png']]);
  expect(names(['link/a.png'], 'link/x.json')).toEqual(['photos', ['a.png']]);
});

test('else at the nearest folder that holds them all, also where the output has none yet', () => {
  expect(names(['photos/a.png', 'photos/sub/b.png'], 'new/deep/x.json')).toEqual(['photos', ['a.png', 'sub/b.png']]);
  expect(names(['photos/sub/b.png', 'photos/sub/c.png'], 'photos-2/x.json')).toEqual([
    'photos/sub',
    ['b.png', 'c.png'],
  ]);
});

test('or at the one that is given, which must hold them', () => {
  expect(names(['photos/sub/b.png'], 'x.json', 'link')).toEqual(['photos', ['sub/b.png']]);
  expect(() => names(['photos/a.png'], 'x.json', 'photos/sub')).toThrow(/--images .*a\.png does not lie in it/);
});

test('an image that is named twice comes once', () => {
  expect(names(['photos/a.png', 'link/a.png', 'photos/./a.png'], 'photos/x.json')).toEqual(['photos', ['a.png']]);
});
