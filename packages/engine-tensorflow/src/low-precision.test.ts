import { silentLogger } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { needsTensorflow } from '../../../tests/needs-tensorflow.js';
import { tensorflow } from './engine.js';

const engine = tensorflow();
needsTensorflow(async () => {
  await engine.start();
});

const compile = <A, R>(fn: (args: A) => R) => engine.compile!(fn, { name: 'the test', logger: silentLogger });

const values = (tensor: tf.Tensor): number[] => {
  const read = Array.from(tensor.dataSync());
  tensor.dispose();
  return read;
};

test('computes convolutions, and what goes on from them, in bfloat16 where it is told to', () => {
  const kernel = tf.randomNormal<tf.Rank.R4>([3, 3, 8, 8], 0, 0.2, 'float32', 3);
  const layers = (x: tf.Tensor4D): tf.Tensor4D => {
    const bias = tf.fill([8], 0.1);
    const first = tf.fused.conv2d({ x, filter: kernel, strides: 1, pad: 'same', bias, activation: 'relu' });
    return tf.add(tf.conv2d(first as tf.Tensor4D, kernel, 1, 'same'), first);
  };
  const fn = compile((x: tf.Tensor4D) => {
    const half = engine.inPrecision!('bfloat16', () => layers(x));
    // Two that take it: an op of float32, and the result.
    return { half, sum: tf.sum(half), exact: layers(x) };
  });
  const x = tf.randomNormal<tf.Rank.R4>([2, 12, 12, 8], 0, 1, 'float32', 4);
  const { half, sum, exact } = fn(x);
  expect(half.dtype).toBe('float32');
  const [rounded, whole] = [values(half), values(exact)];
  expect(values(sum)[0]).toBeCloseTo(
    rounded.reduce((total, value) => total + value, 0),
    1,
  );
  const most = Math.max(...whole.map(Math.abs));
  const off = Math.max(...whole.map((value, i) => Math.abs(value - rounded[i]!))) / most;
  // Eight bits of a fraction, and sums of 72 products.
  expect(off).toBeLessThan(2e-2);
  expect(off).toBeGreaterThan(1e-4);
  for (const value of rounded) expect(new Uint32Array(Float32Array.of(value).buffer)[0]! & 0xffff).toBe(0);
  expect(() => engine.inPrecision!('bfloat16', () => 1)).toThrow('there is no trace');
  fn.clear();
  tf.dispose([x, kernel]);
});

test.each([
  ['bfloat16', 2e-2],
  ['float16', 3e-3],
] as const)('computes both gradients of convolutions in %s, and sums in float32', (precision, most) => {
  const kernels = [3, 4].map((seed) => tf.randomNormal<tf.Rank.R4>([3, 3, 8, 8], 0, 0.2, 'float32', seed));
  // Rounding tips no ReLU over.
  const bias = tf.tensor1d([9, -9, 9, -9, 9, -9, 9, -9]);
  const gradients = tf.grads((x, first, second, added) => {
    const hidden = tf.relu(tf.add(tf.conv2d(x as tf.Tensor4D, first as tf.Tensor4D, 1, 'same'), added!));
    const last = tf.conv2d(hidden as tf.Tensor4D, second as tf.Tensor4D, 2, 1);
    return tf.sum(tf.square(tf.add(last, tf.conv2d(hidden as tf.Tensor4D, second as tf.Tensor4D, 2, 1))));
  });
  const x = tf.randomNormal<tf.Rank.R4>([2, 12, 12, 8], 0, 1, 'float32', 5);
  const given = [x, ...kernels, bias];
  const fn = compile(() => ({
    half: engine.inPrecision!(precision, () => gradients(given)),
    exact: gradients(given),
  }));
  const { half, exact } = fn(null);
  for (const [i, made] of half.entries()) {
    expect(made.dtype).toBe('float32');
    const [rounded, whole] = [values(made), values(exact[i]!)];
    const off = Math.hypot(...whole.map((value, at) => value - rounded[at]!)) / Math.hypot(...whole);
    expect(off, `gradient ${i}`).toBeLessThan(most);
    expect(off, `gradient ${i}`).toBeGreaterThan(1e-5);
  }
  fn.clear();
  tf.dispose(given);
});

test('computes products of maps and weights with both gradients in bfloat16, and no others', () => {
  const [x, weights] = [3, 4].map((seed) => tf.randomNormal<tf.Rank.R2>([16, 16], 0, 1, 'float32', seed)) as [
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const gradients = tf.grads((map, kernel) => tf.sum(tf.square(tf.matMul(map as tf.Tensor2D, kernel as tf.Tensor2D))));
  const made = (map: tf.Tensor2D, kernel: tf.Tensor2D): tf.Tensor[] => {
    const hidden = tf.matMul(map, kernel);
    // Such as relations of instances, or moments: of two maps that are no weights.
    const relations = tf.matMul(tf.square(map), tf.square(map), false, true);
    return [hidden, ...gradients([map, kernel]), relations];
  };
  const fn = compile(([map, kernel]: [tf.Tensor2D, tf.Tensor2D]) => ({
    half: engine.inPrecision!('bfloat16', () => made(map, kernel)),
    exact: made(map, kernel),
  }));
  const { half, exact } = fn([x, weights]);
  const off = half.map((one, i) => {
    const [rounded, whole] = [values(one), values(exact[i]!)];
    return Math.hypot(...whole.map((value, at) => value - rounded[at]!)) / Math.hypot(...whole);
  });
  for (const share of off.slice(0, 3)) {
    expect(share).toBeLessThan(2e-2);
    expect(share).toBeGreaterThan(1e-4);
  }
  expect(off[3]).toBeLessThan(1e-6);
  fn.clear();
  tf.dispose([x, weights]);
});

test('measures what fewer bits save', () => {
  const before = tf.memory().numTensors;
  for (const share of Object.values(engine.precisionGain!('bfloat16'))) {
    // Neither of the two was folded to a constant.
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(10);
  }
  expect(tf.memory().numTensors).toBe(before);
});
