import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cocoIds, cocoResults, cocoRows } from './coco-ids.js';

const folder = mkdtempSync(join(tmpdir(), 'kd-ids-'));
afterAll(() => rmSync(folder, { recursive: true }));

const categories = [
  { id: 3, name: 'dog' },
  { id: 9, name: 'cat' },
];
const annotated = (images: unknown, named: unknown = categories): string => {
  const file = join(folder, 'instances.json');
  writeFileSync(file, JSON.stringify({ images, categories: named }));
  return file;
};

test('the ids of annotations come by name of file and class; other images are left out', async () => {
  const file = annotated(
    [
      { id: 7, file_name: '1.jpg' },
      { id: 8, file_name: 'b/1.jpg' },
      { id: 'x', file_name: '2.jpg' },
    ],
    [
      { id: 1, name: 'cat' },
      { id: 2, name: 'cow' },
      { id: 5, name: 'dog' },
    ],
  );
  const {
    images,
    categories: ids,
    named,
  } = await cocoIds(['a/1.jpg', 'a/b/1.jpg', 'a/2.jpg', 'a/3.jpg'], categories, file);
  expect([...images]).toEqual([
    ['a/1.jpg', 7],
    ['a/b/1.jpg', 8],
    ['a/2.jpg', 'x'],
  ]);
  expect([ids, named]).toEqual([[5, 1], false]);
});

test('without annotations the ids are the numbers that files are called by, else their names', async () => {
  const numbers = await cocoIds(['v/000000000139.jpg', 'v/0.png'], categories, undefined);
  expect([...numbers.images.values(), ...numbers.categories, numbers.named]).toEqual([139, 0, 3, 9, false]);
  const names = await cocoIds(['v/1.jpg', 'v/b 2.jpg'], categories, undefined);
  expect([...names.images.values(), names.named]).toEqual(['1', 'b 2', true]);
});

test.each([
  [['a/1.jpg', 'a/1.jpg'], undefined, 'USAGE', /a\/1\.jpg is named twice/],
  [['a/1.jpg', 'b/1.png'], undefined, 'USAGE', /a\/1\.jpg and b\/1\.png are both image 1 .* --annotations/],
  [['a/1.jpg', 'b/1.jpg'], [{ id: 4, file_name: '1.jpg' }], 'USAGE', /are both image 4 in results of COCO; name one/],
  [
    ['a/2.jpg'],
    [{ id: 4, file_name: '1.jpg' }],
    'DATA_INVALID',
    /has none of the 1 images, the first of which is a\/2/,
  ],
  [['a/2.jpg'], [{ id: 4 }], 'DATA_INVALID', /is no instances file of COCO/],
  [['a/2.jpg'], null, 'DATA_INVALID', /is no instances file of COCO/],
])('%j with annotations of %j is refused', async (files, images, code, message) => {
  const given = images === undefined ? undefined : annotated(images);
  await expect(cocoIds(files, categories, given)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});

test('annotations without a class of the model, or that are not there, are refused', async () => {
  const file = annotated([{ id: 1, file_name: '1.jpg' }], [{ id: 1, name: 'dog' }]);
  await expect(cocoIds(['1.jpg'], categories, file)).rejects.toThrow(/has no category "cat"/);
  await expect(cocoIds(['1.jpg'], categories, join(folder, 'none.json'))).rejects.toMatchObject({
    code: 'DATA_INVALID',
  });
});

test('rows have boxes as x, y, width, height, a row a line', () => {
  const box = [1.5, 2, 4, 6.25] as const;
  const rows = cocoRows(5, [{ box, score: Math.fround(0.1), label: 1, class: 'cat' }], [3, 9]);
  expect(cocoResults(rows)).toBe('[\n{"image_id":5,"category_id":9,"bbox":[1.5,2,2.5,4.25],"score":0.100000001}\n]\n');
  expect(JSON.parse(cocoResults([]))).toEqual([]);
});
