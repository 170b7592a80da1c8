import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBoxes, encodeBoxes, MAX_LOG_SIZE_RATIO } from './coder.js';
import { decodeDistances, encodeDistances } from './linear-coder.js';

const side = fc.float({ min: 4, max: 120, noNaN: true });
const place = fc.float({ min: 0, max: 400, noNaN: true });
const box = fc.tuple(place, place, side, side).map(([x, y, w, h]) => [x, y, x + w, y + h].map(Math.fround));
const weights = fc.constantFrom([1, 1, 1, 1] as const, [10, 10, 5, 5] as const);

it('decodes what it encodes', () => {
  fc.assert(
    fc.property(box, box, weights, fc.boolean(), (target, reference, w, normalizeBySize) => {
      const [coded, linear] = tf.tidy(() => {
        const [t, r] = [tf.tensor2d([target]), tf.tensor2d([reference])];
        return [
          decodeBoxes(encodeBoxes(t, r, { weights: w }), r, { weights: w }).dataSync(),
          decodeDistances(encodeDistances(t, r, { normalizeBySize }), r, { normalizeBySize }).dataSync(),
        ] as const;
      });
      target.forEach((c, i) => {
        expect(coded[i]).toBeCloseTo(c, 2);
        expect(linear[i]).toBeCloseTo(c, 2);
      });
    }),
  );
});

it('limits log sizes from above only, with gradient 0 beyond and not at the limit', () => {
  const reference = tf.tensor2d([[0, 0, 16, 16]]);
  const sizeOf = (dw: number): number => {
    const [x1, , x2] = decodeBoxes(tf.tensor2d([[0, 0, dw, 0]]), reference).dataSync();
    return x2! - x1!;
  };
  expect(sizeOf(50)).toBeCloseTo(1000, 2);
  expect(sizeOf(-9)).toBeCloseTo(16 * Math.exp(-9), 6);
  const slope = (dw: number): number =>
    tf
      .grad((codes) => tf.sum(tf.slice(decodeBoxes(codes, reference), [0, 2], [1, 1])))(tf.tensor2d([[0, 0, dw, 0]]))
      .dataSync()[2]!;
  expect(slope(MAX_LOG_SIZE_RATIO + 0.01)).toBe(0);
  expect(slope(MAX_LOG_SIZE_RATIO)).toBeCloseTo(500, 1);
});

it('takes one list of anchors for the codes of every image', () => {
  const codes = tf.randomNormal([2, 3, 4], 0, 1, 'float32', 7);
  const anchors = tf.tensor2d([
    [0, 0, 8, 8],
    [4, 4, 20, 12],
    [1, 2, 3, 4],
  ]);
  const boxes = decodeBoxes(codes, anchors) as tf.Tensor3D;
  expect(boxes.shape).toEqual([2, 3, 4]);
  expect(tf.gather(boxes, 1).arraySync()).toEqual(decodeBoxes(tf.gather(codes, 1), anchors).arraySync());
});

it('encodes a box without area as minus infinity', () => {
  expect(encodeBoxes(tf.tensor2d([[5, 5, 5, 9]]), tf.tensor2d([[0, 0, 10, 8]])).dataSync()[2]).toBe(-Infinity);
});

it('limits log sizes from below where asked, with gradient 0 beyond', () => {
  const reference = tf.tensor2d([[0, 0, 16, 16]]);
  const width = (codes: tf.Tensor): tf.Tensor => {
    const [x1, , x2] = tf.split(decodeBoxes(codes, reference, { clipBelow: -MAX_LOG_SIZE_RATIO }), 4, 1) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    return tf.sum(tf.sub(x2, x1));
  };
  expect(width(tf.tensor2d([[0, 0, -9, 0]])).dataSync()[0]).toBeCloseTo((16 * 16) / 1000, 6);
  expect(width(tf.tensor2d([[0, 0, 9, 0]])).dataSync()[0]).toBeCloseTo(1000, 2);
  expect(
    tf
      .grad(width)(tf.tensor2d([[0, 0, -9, 0]]))
      .dataSync()[2],
  ).toBe(0);
  expect(
    tf
      .grad(width)(tf.tensor2d([[0, 0, -1, 0]]))
      .dataSync()[2],
  ).toBeCloseTo(16 * Math.exp(-1), 4);
});
