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

/** How far they are from those of equal rows, which are the worst: each addition may round the same way. */
async function worstOf(rows: number): Promise<number> {
  const teacher = new Float32Array(2 * rows).fill(0.3);
  const student = new Float32Array(rows).fill(-0.7);
  const source = openRows(inMemory({ teacher, student, teacherChannels: 2, studentChannels: 1 }), { normalize: false });
  const { numTensors } = tf.memory();
  const { tt, ss, ts } = await secondMoments(source);
  source.dispose();
  expect(tf.memory().numTensors).toBe(numTensors);
  const [p, q] = [teacher[0]!, student[0]!];
  const off = (found: Float64Array, each: number): number[] => [...found].map((x) => Math.abs(x / (rows * each) - 1));
  const all = [...off(tt, p * p), ...off(ss, q * q), ...off(ts, p * q)];
  expect(all).toHaveLength(7);
  return Math.max(...all);
}

it('are as good of thousands of rows as of 512, where an engine adds one by one', async () => {
  expect(await worstOf(1)).toBeLessThan(1e-7);
  const few = await worstOf(512);
  expect(few).toBeLessThan(512 * 2 ** -24);
  for (const rows of [8192, 9000]) expect(await worstOf(rows), `${rows}`).toBeLessThan(1.2 * few);
});
