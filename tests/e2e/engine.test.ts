import { runOp, tensorflow } from '@kd/engine-tensorflow';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { describeOnTensorflow } from '../needs-tensorflow.js';

/** Largest difference of two tensors, and NaN when there is one. */
const difference = (a: tf.Tensor, b: tf.Tensor): number => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);

/** For f linear in x, <f(x), dy> = <x, f'(dy)>: how far a gradient is from that, relative. */
function adjointError(f: (x: tf.Tensor) => tf.Tensor, shape: number[]): number {
  return tf.tidy(() => {
    const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
    const y = f(x);
    const dy = tf.randomNormal(y.shape, 0, 1, 'float32', 2);
    const [left, right] = [tf.sum(tf.mul(y, dy)), tf.sum(tf.mul(x, tf.grad(f)(x, dy)))].map(
      (sum) => sum!.dataSync()[0]!,
    ) as [number, number];
    return Math.abs(left - right) / (1 + Math.abs(left));
  });
}

describeOnTensorflow('the tensorflow engine', () => {
  beforeAll(async () => {
    await tensorflow().start();
  });

  it('says what runs, and makes its backend current in the one tfjs-core of the process', async () => {
    const info = await tensorflow().start();
    expect(info).toMatchObject({ name: 'tensorflow', backend: 'tensorflow' });
    expect(info.version).toMatch(/^2\.\d+\.\d+/);
    expect(info.threads).toBeGreaterThan(0);
    expect(tf.getBackend()).toBe('tensorflow');
  });

  it('differentiates a convolution, add and relu as the cpu backend does', async () => {
    const run = () => {
      const x = tf.reshape(tf.linspace(-1, 1, 2 * 6 * 6 * 3), [2, 6, 6, 3]) as tf.Tensor4D;
      const kernel = tf.reshape(tf.linspace(1, -1, 3 * 3 * 3 * 4), [3, 3, 3, 4]) as tf.Tensor4D;
      const { value, grads } = tf.valueAndGrads(
        (a, b) =>
          tf.sum(tf.square(tf.relu(tf.add(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 2, 1), 0.1)))) as tf.Scalar,
      )([x, kernel]);
      return [value, ...grads].map((tensor) => Array.from(tensor.dataSync()));
    };
    const ours = run();
    await tf.setBackend('cpu');
    const theirs = run();
    await tf.setBackend('tensorflow');
    ours.forEach((values, i) =>
      values.forEach((value, j) => expect(Math.abs(value - theirs[i]![j]!)).toBeLessThan(1e-4 * (1 + Math.abs(value)))),
    );
  });

  it.each([
    [1, 2, 'valid'],
    [1, 1, 'valid'],
    [3, 1, 'same'],
    [3, 2, 'valid'],
  ] as const)(
    'has the gradients of a convolution of kernel %d, stride %d, %s, with 4 channels',
    (size, stride, pad) => {
      const x = tf.randomNormal([2, 10, 6, 4]) as tf.Tensor4D;
      const kernel = tf.randomNormal([size, size, 4, 8]) as tf.Tensor4D;
      expect(adjointError((k) => tf.conv2d(x, k as tf.Tensor4D, stride, pad), kernel.shape)).toBeLessThan(1e-4);
      expect(adjointError((value) => tf.conv2d(value as tf.Tensor4D, kernel, stride, pad), x.shape)).toBeLessThan(1e-4);
    },
  );

  it.each([1, 2])(
    'pads inside convolutions and max pools as an explicit pad before them would, stride %d',
    (stride) => {
      const x = tf.randomNormal([2, 9, 8, 4]) as tf.Tensor4D;
      const kernel = tf.randomNormal([3, 3, 4, 5]) as tf.Tensor4D;
      const pad = (value: tf.Tensor, fill: number) =>
        tf.pad(
          value as tf.Tensor4D,
          [
            [0, 0],
            [1, 1],
            [1, 1],
            [0, 0],
          ],
          fill,
        );
      const inside = tf.grads((a, b) =>
        tf.square(tf.conv2d(tf.maxPool(a as tf.Tensor4D, 3, stride, 1), b as tf.Tensor4D, stride, 1)),
      );
      const before = tf.grads((a, b) =>
        tf.square(tf.conv2d(pad(tf.maxPool(pad(a, -1e9), 3, stride, 'valid'), 0), b as tf.Tensor4D, stride, 'valid')),
      );
      const [one, two] = [inside([x, kernel]), before([x, kernel])];
      one.forEach((gradient, i) => expect(difference(gradient, two[i]!)).toBeLessThan(1e-3));
    },
  );

  it.each(['linear', 'relu', 'relu6', 'elu', 'sigmoid'] as const)('fuses convolution, bias and %s', (activation) => {
    const [x, filter, bias] = [tf.randomNormal([1, 7, 7, 4]), tf.randomNormal([3, 3, 4, 5]), tf.randomNormal([5])] as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor1D,
    ];
    const plain = tf.add(tf.conv2d(x, filter, 2, 1), bias);
    const expected = { linear: (t: tf.Tensor) => t, relu: tf.relu, relu6: tf.relu6, elu: tf.elu, sigmoid: tf.sigmoid }[
      activation
    ](plain);
    expect(difference(tf.fused.conv2d({ x, filter, bias, strides: 2, pad: 1, activation }), expected)).toBeLessThan(
      1e-5,
    );
  });

  it.each([
    [false, false],
    [false, true],
    [true, false],
  ])('has the gradient of resizing, corners aligned %s, half-pixel centres %s', (corners, half) => {
    for (const size of [
      [8, 10],
      [7, 9],
      [2, 3],
    ] as [number, number][]) {
      expect(
        adjointError((x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, size, corners, half), [2, 4, 5, 3]),
      ).toBeLessThan(1e-4);
      expect(
        adjointError((x) => tf.image.resizeBilinear(x as tf.Tensor4D, size, corners, half), [2, 4, 5, 3]),
      ).toBeLessThan(1e-4);
    }
  });

  it('has gradients of cumsum along every axis, of batched gather, of broadcast extremes and of segment sums', () => {
    for (const axis of [0, 1, 2])
      expect(adjointError((x) => tf.cumsum(x, axis, true, axis === 1), [2, 3, 4])).toBeLessThan(1e-4);
    const at = tf.tensor2d(
      [
        [5, 0, 0],
        [0, 2, 5],
      ],
      undefined,
      'int32',
    );
    expect(adjointError((x) => tf.gather(x, at, 1, 1), [2, 6, 3])).toBeLessThan(1e-4);
    expect(adjointError((x) => tf.gather(x, at, -1), [2, 6])).toBeLessThan(1e-4);
    const [a, b] = tf.grads((x, y) => tf.add(tf.maximum(x, y), tf.minimum(x, y)))([
      tf.randomNormal([3, 5]),
      tf.randomNormal([5]),
    ]);
    expect([a!.shape, b!.shape]).toEqual([[3, 5], [5]]);
    expect(difference(b!, tf.fill([5], 3))).toBeLessThan(1e-6);
  });

  it('has gradients of a split into one part, and of one row unstacked', () => {
    const x = tf.tensor2d([1, 2, 3], [1, 3]);
    for (const parts of [
      (of: tf.Tensor) => tf.split(of, 1),
      (of: tf.Tensor) => tf.split(of, [3], 1),
      (of: tf.Tensor) => tf.unstack(of),
    ])
      expect([
        ...tf
          .grad((of: tf.Tensor) => tf.sum(tf.square(parts(of)[0]!)))(x)
          .dataSync(),
      ]).toEqual([2, 4, 6]);
  });

  it('takes empty tensors, negative axes, int32 and prelu', () => {
    expect(tf.conv2d(tf.zeros<tf.Rank.R4>([0, 7, 7, 4]), tf.zeros<tf.Rank.R4>([3, 3, 4, 5]), 1, 'same').shape).toEqual([
      0, 7, 7, 5,
    ]);
    expect(tf.gather(tf.zeros([6, 3]), tf.tensor1d([], 'int32')).shape).toEqual([0, 3]);
    expect(Array.from(tf.exp(tf.tensor1d([0, 1], 'int32')).dataSync())[1]).toBeCloseTo(Math.E, 5);
    expect(Array.from(tf.prelu(tf.tensor1d([-2, 3]), tf.tensor1d([0.5])).dataSync())).toEqual([-1, 3]);
  });

  it('runs any op by its name, and says so when the backend is another', async () => {
    const [sum] = runOp('AddV2', [{ name: 'T', type: 'type', value: 'float32' }], [tf.scalar(1), tf.scalar(2)], 1);
    expect(sum!.dataSync()[0]).toBe(3);
    expect(() => runOp('AddV2', [{ name: 'T', type: 'type', value: 'float16' }], [], 1)).toThrow(
      '"float16" is no type; known are float32',
    );
    expect(() => runOp('NoSuchOp', [], [], 1)).toThrow(/NoSuchOp/);
    await tf.setBackend('cpu');
    expect(() => runOp('AddV2', [], [], 1)).toThrow('the current backend is "cpu"');
    await tf.setBackend('tensorflow');
  });

  it('frees what is disposed: neither tensors nor resident memory grow over 2000 ops', () => {
    const x = tf.randomNormal([1, 64, 64, 64]);
    const burst = () => {
      for (let i = 0; i < 1000; i++) tf.relu(x).dispose();
    };
    burst();
    const [tensors, resident] = [tf.memory().numTensors, process.memoryUsage.rss()];
    burst();
    burst();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(50e6);
  });

  it('refuses a number of threads that is none', () => {
    expect(() => tensorflow({ intraOpThreads: 0 })).toThrow('intraOpThreads must be a whole number above 0, not 0.');
  });
});
