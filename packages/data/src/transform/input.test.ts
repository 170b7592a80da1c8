import type { InputSpec } from '@kd/core';
import { expect, it } from 'vitest';
import { inputTransform } from './input.js';

const input: InputSpec = {
  minSize: [20, 32],
  maxSize: 64,
  fixedSize: null,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  sizeDivisible: 32,
};
const image = (width: number, height: number, value: number) => ({
  data: new Uint8Array(width * height * 3).fill(value),
  width,
  height,
});

it('normalises, resizes by the last size, pads with 0 at the right and the bottom, and scales boxes by the quotient of the sizes', () => {
  const batch = inputTransform(
    [
      {
        image: image(64, 32, 255),
        boxes: [
          [0, 0, 64, 32],
          [8, 4, 16, 12],
        ],
        labels: [3, 1],
        id: 'a',
      },
      { image: image(20, 40, 0), id: 9 },
    ],
    input,
  );
  expect(batch.shape).toEqual([2, 64, 64, 3]);
  expect(batch.imageSizes).toEqual([
    [32, 64],
    [64, 32],
  ]);
  expect(batch.originalSizes).toEqual([
    [32, 64],
    [40, 20],
  ]);
  expect(batch.ids).toEqual(['a', 9]);
  const at = (b: number, y: number, x: number) => batch.images[((b * 64 + y) * 64 + x) * 3]!;
  expect([at(0, 0, 0), at(0, 31, 63), at(0, 32, 0), at(1, 63, 31), at(1, 0, 32)]).toEqual([2, 2, 0, -2, 0]);
  expect(batch.maxBoxes).toBe(2);
  expect([...batch.boxes]).toEqual([0, 0, 64, 32, 8, 4, 16, 12, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect([...batch.labels]).toEqual([3, 1, 0, 0]);
  expect([...batch.mask]).toEqual([1, 1, 0, 0]);
});

it('takes statistics in values of 0 to 255 and the channels in the order of caffe', () => {
  const pixel = { data: Uint8Array.of(255, 100, 10), width: 1, height: 1 };
  const caffe = { minSize: [1], sizeDivisible: 1, mean: [20, 50, 105], std: [1, 2, 0.5], range: 255 } as const;
  expect([...inputTransform([{ image: pixel }], { ...input, ...caffe, channels: 'bgr' }).images]).toEqual([
    -10, 25, 300,
  ]);
  expect([...inputTransform([{ image: pixel }], { ...input, ...caffe }).images]).toEqual([235, 25, -190]);
  expect(() => inputTransform([{ image: pixel }], { ...input, ...caffe, range: 1 })).toThrow(/range: 255/);
});

it('resizes by the rule of mmdetection: sides rounded, and values before they are normalised', () => {
  const picture = { data: Uint8Array.of(0, 0, 0, 101, 101, 101), width: 2, height: 1 };
  const spec = {
    ...input,
    minSize: [1],
    maxSize: 4,
    sizeDivisible: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    range: 255,
  } as const;
  const red = (resize: 'mmdet' | 'torchvision') =>
    [...inputTransform([{ image: picture }], { ...spec, fixedSize: [1, 4], resize }).images].filter(
      (_, i) => i % 3 === 0,
    );
  expect(red('torchvision')).toEqual([0, 25.25, 75.75, 101]);
  expect(red('mmdet')).toEqual([0, 25, 76, 101]);
  const sizes = (resize: 'mmdet' | 'torchvision') =>
    inputTransform([{ image: image(128, 97, 0) }], { ...input, minSize: [112], maxSize: 160, resize }).imageSizes[0];
  expect([sizes('torchvision'), sizes('mmdet')]).toEqual([
    [111, 147],
    [112, 148],
  ]);
});

it('scales each axis by its own quotient, to a fixed size where one is given', () => {
  const batch = inputTransform(
    [{ image: image(640, 480, 9), boxes: [[64, 48, 640, 480]] }],
    { ...input, fixedSize: [240, 640] },
    5,
  );
  expect(batch.shape).toEqual([1, 256, 640, 3]);
  expect(batch.imageSizes).toEqual([[240, 640]]);
  expect([...batch.boxes.subarray(0, 4)]).toEqual([64, 24, 640, 240]);
  expect([batch.maxBoxes, batch.mask.length]).toEqual([5, 5]);
});

it('refuses no images and more boxes than rows', () => {
  expect(() => inputTransform([], input)).toThrow(/no images/);
  expect(() => inputTransform([], { ...input, minSize: 32 } as unknown as InputSpec)).toThrow(/minSize/);
  expect(() =>
    inputTransform(
      [
        {
          image: image(8, 8, 0),
          boxes: [
            [0, 0, 1, 1],
            [0, 0, 1, 1],
          ],
        },
      ],
      input,
      1,
    ),
  ).toThrow(/2 boxes/);
});
