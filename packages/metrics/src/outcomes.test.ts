import type { GroundTruth, ImageDetections } from '@kd/core';
import { expect, test } from 'vitest';
import { cocoMetric } from './coco-metric.js';
import { outcomes, precisionRecall } from './outcomes.js';

type Box = readonly [number, number, number, number];

const object = (id: number, box: Box, label: number, ignore = false) => ({
  id,
  box,
  label,
  area: (box[2] - box[0]) * (box[3] - box[1]),
  ignore,
});
const categories = ['cat', 'dog', 'owl'].map((name, id) => ({ id, name }));
const found = (id: string, rows: readonly (readonly [Box, number, number])[]): ImageDetections => ({
  id,
  boxes: Float32Array.from(rows.flatMap(([box]) => box)),
  scores: Float32Array.from(rows, ([, score]) => score),
  labels: Int32Array.from(rows, ([, , label]) => label),
});

const truth: GroundTruth = {
  categories,
  images: [
    {
      id: 'b',
      file: 'b',
      width: 100,
      height: 100,
      annotations: [object(1, [0, 0, 10, 10], 0), object(2, [20, 20, 60, 60], 0), object(3, [0, 50, 90, 100], 1, true)],
    },
    { id: 'a', file: 'a', width: 100, height: 100, annotations: [object(4, [0, 0, 50, 50], 1)] },
  ],
};
const detections = [
  found('b', [
    [[0, 0, 10, 10], 0.75, 0],
    [[1, 0, 10, 10], 0.5, 0],
    [[5, 55, 50, 95], 0.25, 1],
  ]),
  found('a', [[[0, 0, 50, 48], 0.5, 1]]),
];

test('what was found, found twice, missed, and what lies on a crowd, in the images of the ground truth', () => {
  const [cat, dog, owl] = outcomes(truth, detections);
  expect(cat).toEqual({
    detections: [
      { image: 0, box: [0, 0, 10, 10], score: 0.75, hit: true },
      { image: 0, box: [1, 0, 10, 10], score: 0.5, hit: false },
    ],
    objects: [
      { image: 0, box: [0, 0, 10, 10], area: 100, score: 0.75 },
      { image: 0, box: [20, 20, 60, 60], area: 1600, score: null },
    ],
  });
  expect(dog).toEqual({
    detections: [{ image: 1, box: [0, 0, 50, 48], score: 0.5, hit: true }],
    objects: [{ image: 1, box: [0, 0, 50, 50], area: 2500, score: 0.5 }],
  });
  expect(owl).toEqual({ detections: [], objects: [] });
});

test('the mean of the sampled precision is AP50, and without objects there is none', () => {
  const { perClass } = cocoMetric().evaluate(truth, detections);
  const curves = outcomes(truth, detections).map(precisionRecall);
  curves.slice(0, 2).forEach((curve, label) => {
    expect(curve!.reduce((sum, value) => sum + value, 0) / 101).toBeCloseTo(perClass[label]!.metrics['AP50']!, 12);
  });
  // One of two cats: precision 1 up to recall 0.5, then 0.
  expect([curves[0]![50], curves[0]![51]]).toEqual([expect.closeTo(1, 12), 0]);
  expect(curves[2]).toBeNull();
});
