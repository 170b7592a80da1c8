import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { denseDetections } from './dense-detections.js';
import { flattenLevels } from './flatten-levels.js';

const logit = (p: number): number => Math.log(p / (1 - p));
const sizes = { ids: ['a'], imageSizes: [[20, 40]], originalSizes: [[10, 80]] } as const;
const options = {
  flavour: 'mmdet',
  classes: 2,
  scoreThresh: 0.05,
  nmsThresh: 0.6,
  detectionsPerImg: 100,
  topkCandidates: 1000,
} as const;
const detections = ({ cls, reg, centerness }: Record<string, tf.Tensor4D[]>, more = {}) =>
  denseDetections({ cls: cls!, boxes: flattenLevels(reg!, 4), ...(centerness && { quality: centerness }) }, sizes, {
    ...options,
    ...more,
  });

/** Two levels of two cells; the codes are the boxes. */
const output = (cls: number[][], boxes: number[][], centerness?: number[]): Record<string, tf.Tensor4D[]> => {
  const halves = (rows: number[][]): tf.Tensor4D[] =>
    [rows.slice(0, 2), rows.slice(2)].map((half) => tf.tensor4d(half.flat(), [1, 1, 2, rows[0]!.length]));
  return {
    cls: halves(cls.map((row) => row.map(logit))),
    reg: halves(boxes),
    ...(centerness && { centerness: halves(centerness.map((c) => [logit(c)])) }),
  };
};
const boxes = [
  [0, 0, 10, 10],
  [20, 0, 30, 10],
  [0, 0, 10, 9],
  [30, 10, 60, 30],
];

it('keeps the best of a class over all levels, in pixels of the original image', async () => {
  const [found] = await detections(
    output(
      [
        [0.9, 0.01],
        [0.04, 0.5],
        [0.8, 0.3],
        [0.01, 0.06],
      ],
      boxes,
    ),
  );
  expect(found!.id).toBe('a');
  expect([...found!.labels]).toEqual([0, 1, 1, 1]);
  expect([...found!.scores].map((score) => Math.round(score * 1e5) / 1e5)).toEqual([0.9, 0.5, 0.3, 0.06]);
  expect([...found!.boxes]).toEqual([0, 0, 20, 5, 40, 0, 60, 5, 0, 0, 20, 4.5, 60, 5, 80, 10]);
});

it('selects by the class score alone, and ranks by its product with the centerness', async () => {
  const maps = output(
    [
      [0.9, 0.01],
      [0.06, 0.01],
      [0.8, 0.01],
      [0.04, 0.01],
    ],
    boxes,
    [0.1, 0.5, 0.5, 0.99],
  );
  const [found] = await detections(maps);
  // The first box is covered by the third now; 0.03 stays below no threshold, 0.04 never passed.
  expect([...found!.scores].map((score) => Math.round(score * 1e5) / 1e5)).toEqual([0.4, 0.03]);
});

it('takes the best pairs of each level only', async () => {
  const maps = output(
    [
      [0.9, 0.2],
      [0.8, 0.3],
      [0.7, 0.6],
      [0.5, 0.4],
    ],
    boxes,
  );
  const [found] = await detections(maps, { topkCandidates: 1, nmsThresh: 1 });
  expect([...found!.scores].map((score) => Math.round(score * 10) / 10)).toEqual([0.9, 0.7]);
});

it('drops boxes that have no area inside of the image', async () => {
  const outside = [
    [-9, 0, 0, 10],
    [20, 25, 30, 30],
    [5, 5, 5, 9],
    [1, 1, 3, 3],
  ];
  const [found] = await detections(
    output(
      outside.map(() => [0.9, 0.01]),
      outside,
    ),
  );
  expect([...found!.boxes]).toEqual([2, 0.5, 6, 1.5]);
});
