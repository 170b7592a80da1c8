import { expect, it } from 'vitest';
import { inMemory, type MemoryPicture } from './in-memory.js';

/** Two pixels beside each other: red and blue. */
const rgb = { data: Uint8Array.of(255, 0, 0, 0, 0, 255), width: 2, height: 1 };
const rgba = { data: Uint8ClampedArray.of(255, 0, 0, 7, 0, 0, 255, 9), width: 2, height: 1 };
const box = [0, 0, 2, 1] as const;
const open = (pictures: readonly MemoryPicture[], classes = ['a', 'b'], wanted?: readonly string[]) =>
  inMemory({ classes, pictures }).open({ folder: '.', ...(wanted && { classes: wanted }) });

it('takes pixels with and without alpha, and gives batches', async () => {
  const data = await open([
    { image: rgb, objects: [{ class: 'b', box }] },
    { image: rgba, objects: [], name: 'second' },
  ]);
  expect(data.images).toMatchObject([
    { id: 1, file: '1', width: 2, height: 1, annotations: [{ id: 1, label: 1, box, area: 2, ignore: false }] },
    { id: 2, file: 'second', annotations: [] },
  ]);
  for (const record of data.images) expect([...(await data.readImage(record)).data]).toEqual([...rgb.data]);
  const input = {
    minSize: [1],
    maxSize: 2,
    fixedSize: null,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    sizeDivisible: 1,
  } as const;
  // More workers than none: pictures in memory stay in this thread all the same.
  const loader = data.loader({
    ...{ input, batchSize: 2, training: false, shuffle: false, dropLast: false, seed: 0, augment: [], workers: 3 },
    onBadImage: 'error',
  });
  for await (const batch of loader.epoch(0)) {
    expect([...batch.images]).toEqual([1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1]);
    expect([...batch.labels]).toEqual([1, 0]);
  }
  await loader.close();
});

it('clips boxes and tells it, and puts its classes in the order that is wanted', async () => {
  const { report, images, categories } = await open(
    [
      {
        image: rgb,
        objects: [
          { class: 'a', box: [-1, 0, 1, 1] },
          { class: 'a', box: [5, 5, 6, 6] },
        ],
      },
    ],
    ['a', 'b'],
    ['b', 'a'],
  );
  expect(report.map(({ action, why }) => [action, why])).toEqual([
    ['clipped', expect.stringContaining('picture 1, object 1: the box [-1, 0, 1, 1] (x1, y1, x2, y2) overhangs')],
    ['dropped', expect.stringContaining('picture 1, object 2: the box [5, 5, 6, 6] (x1, y1, x2, y2) lies outside')],
  ]);
  expect(images[0]!.annotations).toMatchObject([{ box: [0, 0, 1, 1], label: 1 }]);
  expect(categories.map(({ name }) => name)).toEqual(['b', 'a']);
});

it.each([
  [[{ image: rgb, objects: [{ class: 'aa', box }] }], /picture 1, object 1: there is no class "aa"/],
  [[{ image: rgb, objects: [{ class: 'a', box: [0, 0, NaN, 1] }] }], /object 1: the box must be four numbers/],
  [[{ image: { ...rgb, width: 3 }, objects: [] }], /picture 1: 6 bytes are no image of 3x1; it has 3 bytes a pixel/],
  [
    [
      { image: rgb, objects: [], name: 'x' },
      { image: rgb, objects: [], name: 'x' },
    ],
    /two pictures are called "x"/,
  ],
  [[{ image: rgb }], /picture 1 cannot be used: objects is missing/],
  [[null], /picture 1 must be an object/],
])('refuses what is none %#', async (pictures, told) => {
  await expect(open(pictures as unknown as MemoryPicture[])).rejects.toThrow(told);
});

it('refuses classes that are none', async () => {
  await expect(open([], [])).rejects.toThrow(/"classes" must list at least one/);
  await expect(open([], ['a', 'a'])).rejects.toThrow(/each only once/);
  expect(() => inMemory({} as never)).toThrow(/the options of inMemory/);
});
