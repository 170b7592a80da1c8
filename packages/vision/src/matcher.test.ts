import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boxIou } from './boxes/iou.js';
import { matchAnchors, matchBoxes, type MatcherOptions } from './matcher.js';

const options: MatcherOptions = { high: 0.5, low: 0.4, lowQuality: true };

/** The rule in plain words, for one image without padding. */
function reference(iou: number[][], { high, low, lowQuality }: MatcherOptions): number[] {
  const highest = iou.map((row) => row.reduce((most, v) => Math.max(most, v), 0));
  return iou[0]!.map((_, j) => {
    const column = iou.map((row) => row[j]!);
    const best = Math.max(...column);
    const index = column.indexOf(best);
    if (lowQuality && iou.some((row, i) => row[j] === highest[i])) return index;
    return best < low ? -1 : best < high ? -2 : index;
  });
}

// Eighths are exact in float32 and make ties.
const eighth = fc.integer({ min: 0, max: 8 }).map((i) => i / 8);
const matrix = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 }))
  .chain(([g, a]) => fc.array(fc.array(eighth, { minLength: a, maxLength: a }), { minLength: g, maxLength: g }));

it('follows the rule, whatever the padding holds', () => {
  fc.assert(
    fc.property(matrix, fc.integer({ min: 0, max: 3 }), eighth, fc.boolean(), (iou, padding, junk, lowQuality) => {
      const rule = { high: 0.625, low: 0.375, lowQuality };
      const padded = [...iou, ...Array.from({ length: padding }, () => iou[0]!.map(() => junk))];
      const mask = padded.map((_, i) => (i < iou.length ? 1 : 0));
      const matched = tf.tidy(() => matchAnchors(tf.tensor3d([padded]), tf.tensor2d([mask]), rule).arraySync());
      expect(matched).toEqual([reference(iou, rule)]);
    }),
  );
});

it('gives a low-quality candidate its own best ground truth, not the one that asked', () => {
  const iou = tf.tensor3d([
    [
      [0.3, 0.1],
      [0.35, 0.9],
    ],
  ]); // ground truth 0 asks for candidate 0, which prefers 1
  expect(matchAnchors(iou, tf.ones([1, 2]), options).arraySync()).toEqual([[1, 1]]);
});

it('makes every candidate positive when a ground truth overlaps nothing', () => {
  const iou = tf.tensor3d([
    [
      [0, 0, 0],
      [0.7, 0.1, 0],
    ],
  ]);
  expect(matchAnchors(iou, tf.ones([1, 2]), options).arraySync()).toEqual([[1, 1, 0]]);
  expect(matchAnchors(iou, tf.tensor2d([[0, 1]]), options).arraySync()).toEqual([[1, -1, -1]]);
});

it('is background everywhere in images without boxes, next to images with some, and without rows', () => {
  const iou = tf.tensor3d([[[0.9, 0.9]], [[0.9, 0.45]]]);
  expect(matchAnchors(iou, tf.tensor2d([[0], [1]]), options).arraySync()).toEqual([
    [-1, -1],
    [0, -2],
  ]);
  expect(matchAnchors(tf.zeros([2, 0, 3]), tf.zeros([2, 0]), options).arraySync()).toEqual([
    [-1, -1, -1],
    [-1, -1, -1],
  ]);
});

it('counts NaN as no overlap', () => {
  const iou = tf.tensor3d([
    [
      [NaN, 0.2, NaN],
      [0.8, 0.1, 0.2],
    ],
  ]);
  expect(matchAnchors(iou, tf.ones([1, 2]), options).arraySync()).toEqual([[1, 0, -1]]);
});

it('is int32, and the same from boxes as from their IoU when the anchors fill many chunks', () => {
  const random = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, 0, 100, 'float32', seed);
  const boxesOf = (shape: number[], seed: number): tf.Tensor =>
    tf.tidy(() => {
      const corner = random([...shape, 2], seed);
      return tf.concat([corner, tf.add(corner, random([...shape, 2], seed + 1))], -1);
    });
  const [gt, anchors, mask] = [
    boxesOf([2, 7], 1) as tf.Tensor3D,
    boxesOf([10_000], 5) as tf.Tensor2D,
    tf.tensor2d([
      [1, 1, 1, 0, 0, 0, 0],
      [1, 1, 1, 1, 1, 1, 1],
    ]),
  ];
  const before = tf.memory().numTensors;
  const fromBoxes = matchBoxes(gt, mask, anchors, options);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(fromBoxes.dtype).toBe('int32');
  const iou = boxIou(gt, anchors);
  const rows = iou.arraySync();
  expect(fromBoxes.arraySync()).toEqual([reference(rows[0]!.slice(0, 3), options), reference(rows[1]!, options)]);
  expect(matchAnchors(iou, mask, options).arraySync()).toEqual(fromBoxes.arraySync());
});
