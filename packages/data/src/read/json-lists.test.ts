import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJsonLists } from './json-lists.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-json-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is handed out, by list, when the file is read in pieces of that many bytes. */
async function read(text: string, piece?: number) {
  const file = join(folder, 'a.json');
  await writeFile(file, text);
  const lists: Record<string, unknown[]> = {};
  const found = await readJsonLists(file, (key, entry, i) => ((lists[key] ??= [])[i] = entry), piece);
  return { lists, found };
}

const value = {
  info: { text: 'a "quoted" \\ text, [ and { and }', deep: [[{ a: [] }]] },
  images: [{ id: 1, name: 'Größe 😀\\' }, {}, [], [[1], '],'], '"', '', -1.5e3, true, null],
  none: [],
  number: 12,
  word: false,
  annotations: Array.from({ length: 30 }, (_, i) => ({ id: i, bbox: [i / 3, 1e-7, -2, 4e20] })),
};
const lists = { images: value.images, annotations: value.annotations };

describe('readJsonLists', () => {
  it.each([1, 2, 3, 7, 64, 1000, 1e6])('hands out what JSON.parse gives, in pieces of %i bytes', async (piece) => {
    for (const text of [
      JSON.stringify(value),
      JSON.stringify(value, null, 3),
      `\ufeff ${JSON.stringify(value)}\r\n\t`,
    ]) {
      const { lists: given, found } = await read(text, piece);
      expect(given).toEqual(lists);
      expect(found).toEqual({
        keys: Object.keys(value),
        lists: new Set(['images', 'none', 'annotations']),
        nanLine: null,
      });
    }
  });

  it.each([1, 5, 1e6])('tells the line of NaN, in pieces of %i bytes', async (piece) => {
    const { lists: given, found } = await read('{\n"a": [1,\n{"b":\n-Infinity, "c": NaN}, NaN], "x": "NaN"}', piece);
    expect(given).toEqual({ a: [1, { b: '-Infinity', c: 'NaN' }, 'NaN'] });
    expect(found).toMatchObject({ nanLine: 4 });
  });

  it.each([
    ['{"a": [1,]}', 1, 'Unexpected'],
    ['{"a": [1 2]}', 1, 'Unexpected 2 where , or ] is wanted'],
    ['{"a": [{"b": 1}\n', 2, 'Unexpected end'],
    ['{"a":\n["b', 2, ''],
    ['{\n"a" 1}', 2, 'Unexpected 1 where : is wanted'],
    ['{a: 1}', 1, 'Unexpected a where " is wanted'],
    ['{"a": [],}', 1, 'Unexpected } where " is wanted'],
    ['{"a": []}\n{}', 2, 'Unexpected { behind the end'],
    ['{"a": [{"b":\n1,\n}]}', 3, ''],
    ['{"a": [{"b": 1]]}', 1, ''],
    ['{"a": tru}', 1, ''],
    ['{"a": [01]}', 1, ''],
    ['{"a": ["\n"]}', 1, ''],
    ['{"a', 1, ''],
    ['{', 1, 'Unexpected end'],
  ])('refuses %j, naming the line', async (text, line, why) => {
    for (const piece of [1, 1e6])
      await expect(read(text, piece)).rejects.toMatchObject({
        code: 'DATA_INVALID',
        message: expect.stringContaining(
          `a.json, line ${line}, is not valid JSON (malformed or cut off): ${why}`,
        ) as string,
      });
  });

  it('refuses a key that occurs twice: which of the two is meant cannot be told', async () => {
    await expect(read('{"images": [],\n"info": 1, "images": [1]}')).rejects.toThrow(
      /a\.json, line 2: the key "images" occurs twice/,
    );
    for (const piece of [1, 7, 1e6])
      await expect(
        read('{"images": [\n{"id": 1, "a": {"id": 1}},\n{"id": 2,\n"\\u0069d": 3}]}', piece),
      ).rejects.toThrow(/a\.json, line 4: the key "id" occurs twice; leave one of the two/);
  });

  it('leaves what is no object to whoever asked', async () => {
    expect((await read('[1, 2]')).found).toEqual({ value: [] });
    expect((await read(' "text"')).found).toEqual({ value: 'text' });
    await expect(read(' \n')).rejects.toThrow(/is empty/);
  });
});
