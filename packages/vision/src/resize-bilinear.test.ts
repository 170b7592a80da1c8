import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { detach } from './detach.js';
import { maxPool2d } from './max-pool.js';
import { resizeBilinear } from './resize-bilinear.js';

it.each([
  [3, 4, 7, 9],
  [8, 6, 3, 2],
  [5, 5, 5, 8],
])('resizes %i x %i to %i x %i as TensorFlow does with half-pixel centres', (h, w, toH, toW) => {
  const x = tf.randomNormal([2, h, w, 3], 0, 1, 'float32', 3) as tf.Tensor4D;
  const expected = tf.image.resizeBilinear(x, [toH, toW], false, true).dataSync();
  resizeBilinear(x, toH, toW)
    .dataSync()
    .forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5));
});

it('has the transposed resize as its gradient', () => {
  const x = tf.randomNormal([1, 3, 5, 1], 0, 1, 'float32', 4) as tf.Tensor4D;
  const c = tf.randomNormal([1, 7, 4, 1], 0, 1, 'float32', 5);
  const gradient = tf.grad((input) => tf.sum(tf.mul(resizeBilinear(input as tf.Tensor4D, 7, 4), c)))(x);
  // <resize(e_i), c> for every unit image e_i
  for (let i = 0; i < 15; i++) {
    const unit = tf.reshape(tf.oneHot(i, 15), [1, 3, 5, 1]) as tf.Tensor4D;
    expect(gradient.dataSync()[i]).toBeCloseTo(
      tf.sum(tf.mul(resizeBilinear(tf.cast(unit, 'float32'), 7, 4), c)).dataSync()[0]!,
      5,
    );
  }
});

it('pools negative maps without the padding ever winning', () => {
  const x = tf.fill([1, 3, 3, 1], -7) as tf.Tensor4D;
  expect([...maxPool2d(x, { size: 3, stride: 2, pad: 1 }).dataSync()]).toEqual([-7, -7, -7, -7]);
});

it('stops gradients', () => {
  const x = tf.tensor1d([2, 3]);
  expect([
    ...tf
      .grad((v) => tf.sum(tf.mul(v, detach(v))))(x)
      .dataSync(),
  ]).toEqual([2, 3]);
});
