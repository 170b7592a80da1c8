import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { softKl } from './soft-kl.js';
import { softQualityFocal } from './soft-quality-focal.js';

beforeAll(() => tf.setBackend('cpu'));

const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());

/** Slope of the sum of `f` by central differences. */
function slopes(f: (x: tf.Tensor) => tf.Tensor, x: number[], shape: number[], h = 1e-2): number[] {
  const at = (moved: number[]): number => tf.tidy(() => tf.sum(f(tf.tensor(moved, shape))).dataSync()[0]!);
  return x.map(
    (_, i) => (at(x.map((v, j) => (i === j ? v + h : v))) - at(x.map((v, j) => (i === j ? v - h : v)))) / (2 * h),
  );
}

describe('softQualityFocal', () => {
  const x = [1.2, -0.7, 0.3, -2];
  const t = tf.tensor2d([0.1, 0.4, -1.5, 1], [2, 2]);

  it.each([0, 0.5, 1, 1.5, 2])('has the slope of its value, beta %s', (beta) => {
    const f = (logits: tf.Tensor): tf.Tensor => softQualityFocal(logits, t, { beta });
    const gradient = values(tf.grad((logits: tf.Tensor) => tf.sum(f(logits)))(tf.tensor2d(x, [2, 2])));
    slopes(f, x, [2, 2]).forEach((slope, i) => expect(gradient[i]!).toBeCloseTo(slope, 2));
  });

  it.each([0.5, 1, 2])('has no slope where both agree, beta %s', (beta) => {
    expect(values(tf.grad((logits: tf.Tensor) => tf.sum(softQualityFocal(logits, t, { beta })))(t))).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('cuts large maps into chunks without a seam', () => {
    const [logits, target] = [
      tf.randomNormal([40_000, 4], 0, 1, 'float32', 1),
      tf.randomNormal([40_000, 4], 0, 1, 'float32', 2),
    ];
    const whole = values(softQualityFocal(logits, target));
    expect(values(softQualityFocal(tf.slice(logits, [39_000, 0]), tf.slice(target, [39_000, 0])))).toEqual(
      whole.slice(39_000),
    );
  });

  it('refuses targets of another shape', () => {
    expect(() => softQualityFocal(t, tf.zeros([2, 3]))).toThrow(/\[2, 2\].*\[2, 3\]/);
  });
});

describe('softKl', () => {
  it('has the slope of its value, softened too', () => {
    const x = [0.3, -1, 2, 0.1, 0, 1];
    const f = (logits: tf.Tensor): tf.Tensor =>
      softKl(logits, tf.tensor2d([1, 0, -1, 2, 2, 0.5], [2, 3]), { temperature: 2, bins: 'mean' });
    const gradient = values(tf.grad((logits: tf.Tensor) => tf.sum(f(logits)))(tf.tensor2d(x, [2, 3])));
    slopes(f, x, [2, 3]).forEach((slope, i) => expect(gradient[i]!).toBeCloseTo(slope, 2));
  });
});
