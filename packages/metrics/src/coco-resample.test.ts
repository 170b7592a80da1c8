import type { Annotation, GroundTruth, ImageDetections, ImageRecord } from '@kd/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cocoMetric } from './coco-metric.js';

const CATEGORIES = [
  { id: 7, name: 'cat' },
  { id: 0, name: 'dog' },
];
const metric = cocoMetric();

type Box = Annotation['box'];
const box = fc
  .tuple(fc.nat(60), fc.nat(60), fc.integer({ min: 8, max: 60 }), fc.integer({ min: 8, max: 60 }))
  .map(([x, y, w, h]): Box => [x, y, x + w, y + h]);
const object = fc.record({ box, label: fc.nat(1), ignore: fc.boolean() });
/** What is drawn, and how often: objects, detections, times. */
const drawn = fc.array(
  fc.record({
    objects: fc.array(object, { maxLength: 5 }),
    found: fc.array(fc.record({ box, label: fc.nat(1), near: fc.option(fc.nat(4)) }), { maxLength: 6 }),
    times: fc.nat(3),
  }),
  { minLength: 1, maxLength: 5 },
);

const record = (id: number, objects: readonly { box: Box; label: number; ignore?: boolean }[]): ImageRecord => ({
  id,
  file: `${id}.png`,
  width: 200,
  height: 200,
  annotations: objects.map((one, i) => ({
    ignore: false,
    ...one,
    id: 1000 * id + i,
    area: (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]),
  })),
});
const detections = (
  id: number,
  found: readonly { box: readonly number[]; label: number; score: number }[],
): ImageDetections => ({
  id,
  boxes: Float32Array.from(found.flatMap((one) => [...one.box])),
  scores: Float32Array.from(found, ({ score }) => score),
  labels: Int32Array.from(found, ({ label }) => label),
});

test('counting an image several times is evaluating on so many copies of it', () => {
  fc.assert(
    fc.property(drawn, (images) => {
      // No two scores alike: which of equals comes first is not part of the promise.
      let rank = 0;
      const found = images.map(({ objects, found: own }) =>
        own.map(({ near, ...one }) => ({
          ...one,
          ...(near !== null && objects[near] && { box: objects[near].box, label: objects[near].label }),
          score: 1 - (rank = (rank * 31 + 7) % 997) / 1000 - rank++ * 1e-5,
        })),
      );
      const copies = images.flatMap(({ times }, i) => Array.from({ length: times }, () => i));
      const truth = (list: readonly number[]): GroundTruth => ({
        categories: CATEGORIES,
        images: list.map((i, id) => record(id, images[i]!.objects)),
      });
      const all = images.map((_, i) => i);
      const resample = metric.resampler!(
        truth(all),
        all.map((i) => detections(i, found[i]!)),
      );
      const { primary, perClass } = resample(images.map(({ times }) => times));
      const expected = metric.evaluate(
        truth(copies),
        copies.map((i, id) => detections(id, found[i]!)),
      );
      expect(primary).toBeCloseTo(expected.metrics['AP']!, 12);
      expected.perClass.forEach((one, label) => expect(perClass[label]).toBeCloseTo(one.metrics['AP']!, 12));
    }),
  );
});

test('numbers by hand: one image found, one with a false box before its object', () => {
  const square: Box = [10, 10, 50, 50];
  // Not in the order of their ids.
  const truth = {
    categories: CATEGORIES,
    images: [record(9, [{ box: square, label: 0 }]), record(2, [{ box: square, label: 0 }])],
  };
  const resample = metric.resampler!(truth, [
    detections(9, [{ box: square, label: 0, score: 0.5 }]),
    detections(2, [
      { box: [100, 100, 140, 140], label: 0, score: 0.9 },
      { box: square, label: 0, score: 0.4 },
    ]),
  ]);
  expect(resample([1, 0]).primary).toBeCloseTo(1, 12);
  expect(resample([0, 1]).primary).toBeCloseTo(1 / 2, 12);
  // Once false, then true twice of three: precision 2/3 up to recall 2/3, then 3/4 with the last. Made monotone: 3/4.
  expect(resample([2, 1]).primary).toBeCloseTo(3 / 4, 12);
  expect(Array.from(resample([2, 1]).perClass)).toEqual([expect.closeTo(3 / 4, 12), -1]);
  expect(resample([0, 0]).primary).toBe(-1);
});
