import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inMemory } from './in-memory.js';
import { openRows } from './row-tensors.js';
import { secondMoments } from './second-moments.js';

const stock = tf.getKernel('BatchMatMul', 'cpu');
beforeEach(async () => {
  await tf.setBackend('cpu');
  tf.unregisterKernel('BatchMatMul', 'cpu');
  tf.registerKernel({ kernelName: 'BatchMatMul', backendName: 'cpu', kernelFunc: inTurn });
});
afterEach(() => {
  tf.unregisterKernel('BatchMatMul', 'cpu');
  tf.registerKernel(stock);
});

/** a' b in float32, one row after the other, as graphics cards add. */
const inTurn: tf.KernelFunc = ({ inputs }) => {
  const { a, b } = inputs as { readonly a: tf.Tensor2D; readonly b: tf.Tensor2D };
  const [[rows, m], n] = [a.shape, b.shape[1]];
  const [left, right] = [a.dataSync(), b.dataSync()];
  const sums = new Float32Array(m * n);
  for (let k = 0; k < rows; k++)
    for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) sums[i * n + j]! += left[k * m + i]! * right[k * n + j]!;
  return tf.tensor2d(sums, [m, n]);
};

// Equal rows are the worst: each addition may round the same way.
it.each([1, 512, 8192, 9000])('are as good of %i rows as of 512, where an engine adds one by one', async (rows) => {
  const teacher = new Float32Array(2 * rows).fill(0.3);
  const student = new Float32Array(rows).fill(-0.7);
  const features = { teacher, student, teacherChannels: 2, studentChannels: 1 };
  const source = openRows(inMemory(features), { normalize: false });
  const { numTensors } = tf.memory();
  const { tt, ss, ts } = await secondMoments(source);
  source.dispose();
  expect(tf.memory().numTensors).toBe(numTensors);
  const [p, q] = [teacher[0]!, student[0]!];
  const near = (found: Float64Array, wanted: number, length: number): void => {
    expect(found).toHaveLength(length);
    for (const value of found) expect(Math.abs(value / wanted - 1)).toBeLessThan(3e-6);
  };
  near(tt, rows * p * p, 4);
  near(ss, rows * q * q, 1);
  near(ts, rows * p * q, 2);
});
