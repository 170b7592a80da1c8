import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '@kd/core';
import { afterAll, expect, test } from 'vitest';
import { readCocoResults } from './read-detections.js';

const folder = mkdtempSync(join(tmpdir(), 'kd-results-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'results.json');
const written = (value: unknown): string => {
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
};

const data = (...images: readonly (readonly [number | string, string])[]): Dataset => ({
  name: 'photos',
  categories: [
    { id: 4, name: 'dog' },
    { id: 2, name: 'cat' },
  ],
  images: images.map(([id, name]) => ({ id, file: name, width: 9, height: 9, annotations: [] })),
  loader: () => {
    throw new Error('no image is read');
  },
});
const row = (image_id: unknown, score: unknown = 0.5, category_id: unknown = 4): unknown => ({
  image_id,
  category_id,
  bbox: [1, 2, 3, 4],
  score,
});

test('boxes become corners, categories labels, best first', async () => {
  const { detections, ofOtherClasses } = await readCocoResults(
    written([row(7, 0.25), row(7, 0.75, 2), row(7, 0.5, 99)]),
    data([7, 'a.jpg']),
  );
  expect(detections).toEqual([
    {
      id: 7,
      boxes: Float32Array.of(1, 2, 4, 6, 1, 2, 4, 6),
      scores: Float32Array.of(0.75, 0.25),
      labels: Int32Array.of(1, 0),
    },
  ]);
  expect(ofOtherClasses).toBe(1);
});

test('images are found by id first, then by name', async () => {
  const found = async (given: unknown, dataset: Dataset): Promise<unknown> =>
    (await readCocoResults(written([row(given)]), dataset)).detections[0]!.id;
  expect(await found(1, data([2, '1.jpg'], [1, '2.jpg']))).toBe(1);
  expect(await found('b', data([2, 'a/b.jpg']))).toBe(2);
  expect(await found('b.jpg', data([2, 'a/b.jpg']))).toBe(2);
  expect(await found(7, data(['000007', '000007.jpg']))).toBe('000007');
  await expect(found('b', data([1, 'a/b.jpg'], [2, 'c/b.jpg']))).rejects.toThrow(/no image "b" in photos/);
});

test.each([
  ['{"a', /cannot be read/],
  [{}, /is no results file of COCO: it holds/],
  [[row(7), row(8)], /row 1: there is no image 8 in photos/],
  [[row(null)], /row 0: .* is no detection/],
  [[row(7, 'high')], /row 0: .* is no detection/],
  [[{ ...(row(7) as object), bbox: [1, 2, 3] }], /row 0: .* is no detection/],
  [['x'], /row 0: "x" is no detection/],
])('%j is refused', async (value, message) => {
  await expect(readCocoResults(written(value), data([7, 'a.jpg']))).rejects.toMatchObject({
    code: 'DATA_INVALID',
    message: expect.stringMatching(message) as string,
  });
});
