import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { needsTensorflow } from '../../../../tests/needs-tensorflow.js';
import { currentBackend, runOp } from '../run-op.js';
import { startTensorflow } from '../testing/traced.js';

needsTensorflow(startTensorflow);

const cases = [1, 3, 5].flatMap((kernel) =>
  [1, 2].flatMap((stride) =>
    [
      [1, 4, 4, 3],
      [2, 5, 3, 36],
      [1, 7, 17, 16],
      [2, 9, 1, 1],
    ].map(([n, size, input, output]) => ({ kernel, stride, n: n!, size: size!, input: input!, output: output! })),
  ),
);

type Shape = [number, number, number, number];

describe('the gradient of a kernel', () => {
  it.each(cases)(
    '$kernel x $kernel, stride $stride, of [$n, $size, $size, $input] to $output channels',
    ({ kernel, stride, n, size, input, output }) => {
      const pad = kernel >> 1;
      const out = Math.floor((size + 2 * pad - kernel) / stride) + 1;
      const x = tf.randomUniform<tf.Rank.R4>([n, size, size, input], -1, 1, 'float32', 1);
      const dy = tf.randomUniform<tf.Rank.R4>([n, out, out, output], -1, 1, 'float32', 2);
      const start = tf.zeros([kernel, kernel, input, output]);
      const found = tf.grad((w) => tf.conv2d(x, w as tf.Tensor4D, stride, pad))(start, dy);
      const [xs, dys] = [x.dataSync(), dy.dataSync()];
      const wanted: number[] = [];
      for (let a = 0; a < kernel; a++)
        for (let b = 0; b < kernel; b++)
          for (let c = 0; c < input; c++) for (let d = 0; d < output; d++) wanted.push(sumOf(a, b, c, d));
      function sumOf(a: number, b: number, c: number, d: number): number {
        let sum = 0;
        for (let i = 0; i < n; i++)
          for (let y = 0; y < out; y++)
            for (let z = 0; z < out; z++) {
              const [row, column] = [y * stride + a - pad, z * stride + b - pad];
              if (row < 0 || column < 0 || row >= size || column >= size) continue;
              sum += xs[((i * size + row) * size + column) * input + c]! * dys[((i * out + y) * out + z) * output + d]!;
            }
        return sum;
      }
      const values = found.dataSync();
      expect(values.length).toBe(wanted.length);
      expect(wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0)).toBeLessThan(2e-5);
      tf.dispose([x, dy, start, found]);
    },
  );
});

describe('a convolution of which nothing would come out', () => {
  const [x, filter] = [() => tf.zeros<tf.Rank.R4>([1, 2, 8, 16]), () => tf.zeros<tf.Rank.R4>([3, 3, 16, 32])];
  const above: tf.backend_util.ExplicitPadding = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 0],
  ];
  it.each<[string, () => tf.Tensor]>([
    ['plain', () => tf.conv2d(x(), filter(), 1, 'valid')],
    ['with a number and strides', () => tf.conv2d(tf.zeros<tf.Rank.R4>([1, 3, 2, 16]), filter(), [1, 2], 0)],
    [
      'fused',
      () =>
        tf.fused.conv2d({
          x: x(),
          filter: filter(),
          strides: 1,
          pad: 'valid',
          bias: tf.zeros([32]),
          activation: 'relu',
        }),
    ],
    ['with a border above', () => tf.conv2d(tf.zeros<tf.Rank.R4>([1, 1, 8, 16]), filter(), 1, above)],
  ])('is refused, %s', (_, run) => {
    expect(() => tf.tidy(run)).toThrow(/a kernel \[3, 3, 16, 32\] does not fit into a map/);
  });
});

it.each<[x: Shape, kernel: Shape, strides: [number, number], pad: 'same' | 'valid' | number]>([
  // A border as wide as the kernel ended the process.
  [[2, 10, 2, 16], [5, 1, 16, 17], [3, 3], 1],
  [[1, 4, 2, 19], [3, 1, 19, 28], [4, 4], 2],
  // One channel with strides that differ came out wrong.
  [[3, 11, 4, 1], [7, 4, 1, 12], [1, 4], 1],
  [[2, 11, 9, 1], [5, 7, 1, 26], [1, 3], 'valid'],
  [[3, 14, 1, 1], [1, 2, 1, 8], [1, 3], 'same'],
])('a convolution that oneDNN has wrong is right: %j by %j, strides %j, %s', (shape, taps, strides, pad) => {
  const x = tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', 1);
  const kernel = tf.randomNormal<tf.Rank.R4>(taps, 0, 1, 'float32', 2);
  const border = typeof pad === 'number' ? pad : 0;
  const made = (map: tf.Tensor4D): tf.Tensor4D =>
    tf.conv2d(
      map,
      kernel,
      strides,
      typeof pad === 'number'
        ? [
            [0, 0],
            [pad, pad],
            [pad, pad],
            [0, 0],
          ]
        : pad,
    );
  const y = made(x);
  const [values, weights, found] = [x.dataSync(), kernel.dataSync(), y.dataSync()];
  const [b, h, w, c] = shape;
  const [kh, kw, , d] = taps;
  const [, rows, columns] = y.shape;
  const before = (size: number, taps: number, stride: number, out: number): number =>
    pad === 'same' ? Math.floor(Math.max(0, (out - 1) * stride + taps - size) / 2) : border;
  const [top, left] = [before(h, kh, strides[0], rows), before(w, kw, strides[1], columns)];
  for (let at = 0; at < found.length; at++) {
    const [o, z, i] = [at % d, Math.floor(at / d) % columns, Math.floor(at / d / columns)];
    const [line, image] = [i % rows, Math.floor(i / rows)];
    let sum = 0;
    for (let u = 0; u < kh; u++)
      for (let v = 0; v < kw; v++) {
        const [row, column] = [line * strides[0] + u - top, z * strides[1] + v - left];
        if (row < 0 || column < 0 || row >= h || column >= w) continue;
        for (let q = 0; q < c; q++)
          sum += values[((image * h + row) * w + column) * c + q]! * weights[((u * kw + v) * c + q) * d + o]!;
      }
    expect(Math.abs(found[at]! - sum), `${at}`).toBeLessThan(1e-4);
  }
  expect(b * rows * columns * d).toBe(found.length);
  tf.dispose([x, kernel, y]);
});

describe('on a graphics card, whose fused convolutions are fewer', () => {
  const fuse = (x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, fused: string[]): tf.Tensor =>
    runOp(
      '_FusedConv2D',
      [
        { name: 'T', type: 'type', value: 'float32' },
        { name: 'strides', type: 'int[]', value: [1, 1, 1, 1] },
        { name: 'padding', type: 'string', value: 'SAME' },
        { name: 'num_args', type: 'int', value: 1 },
        { name: 'TArgs', type: 'type', value: ['float32'] },
        { name: 'fused_ops', type: 'string[]', value: fused },
      ],
      [x, kernel, bias],
      1,
    )[0]!;

  it.each([[['BiasAdd']], [['BiasAdd', 'Relu']], [['BiasAdd', 'Relu6']]])('%j is run apart', (fused) => {
    const x = tf.randomNormal([2, 5, 7, 3], 0, 4, 'float32', 1);
    const kernel = tf.randomNormal([3, 3, 3, 4], 0, 1, 'float32', 2);
    const bias = tf.randomNormal([4], 0, 1, 'float32', 3);
    const want = fuse(x, kernel, bias, fused).dataSync();
    const { binding } = currentBackend();
    const onCard = vi.spyOn(binding, 'isUsingGpuDevice').mockReturnValue(true);
    const ran = vi.spyOn(binding, 'executeOp');
    const before = tf.memory().numTensors;
    const made = fuse(x, kernel, bias, fused);
    const ops = ran.mock.calls.map(([op]) => op);
    onCard.mockRestore();
    ran.mockRestore();
    expect(ops).toEqual(['Conv2D', ...fused]);
    expect(tf.memory().numTensors).toBe(before + 1);
    const got = made.dataSync();
    want.forEach((value, i) => expect(Math.abs(value - got[i]!)).toBeLessThan(1e-4));
    tf.dispose([x, kernel, bias, made]);
  });
});
