import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { fullProduct, splitProduct } from './product.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** A matrix product whose factors are rounded to 11 significant bits, as TF32 units do. */
const roundedProduct = (a: tf.Tensor2D, b: tf.Tensor2D, transposeA = false, transposeB = false): tf.Tensor2D => {
  const rounded = (x: tf.Tensor2D): tf.Tensor2D =>
    tf.tensor2d(
      Float32Array.from(x.dataSync(), (value) => {
        const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
        return value === 0 ? 0 : Math.round(value / step) * step;
      }),
      x.shape,
    );
  return tf.tidy(() => tf.matMul(rounded(a), rounded(b), transposeA, transposeB));
};

describe('product', () => {
  it('a split product keeps what rounded factors lose', async () => {
    const a = tf.randomNormal([64, 40], 0, 1, 'float32', 1) as tf.Tensor2D;
    const b = tf.randomNormal([64, 30], 0, 1, 'float32', 2) as tf.Tensor2D;
    const exact = tf.matMul(a, b, true) as tf.Tensor2D;
    const error = (x: tf.Tensor2D): number => tf.tidy(() => tf.max(tf.abs(tf.sub(x, exact))).dataSync()[0]!);
    expect(error(roundedProduct(a, b, true))).toBeGreaterThan(1e-3);
    expect(error(splitProduct(roundedProduct)(a, b, true, false))).toBeLessThan(1e-5);
    expect(error((await fullProduct())(a, b, true))).toBe(0);
  });
});
