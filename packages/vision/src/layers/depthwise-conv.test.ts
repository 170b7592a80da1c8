import type { Engine } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINE, namedEngine } from '../../../../tests/named-engine.js';
import { depthwiseConv2d } from './depthwise-conv.js';
import { hardSwish } from './hard-swish.js';
import type { RunOp } from './native-kernel.js';

/**
 * Sums written out: y[i, j] = Σ x[i·s + u - top, j·s + v - left] · k[u, v] of each channel. torch pads all sides alike,
 * TensorFlow's `same` as much as ⌈side / stride⌉ positions need, the odd zero at the end.
 */
function byHand(x: number[][][][], k: number[][][], dy: number[][][][] | null, stride: number, pad: number | 'same') {
  const [b, h, w, c] = [x.length, x[0]!.length, x[0]![0]!.length, x[0]![0]![0]!.length];
  const [kh, kw] = [k.length, k[0]!.length];
  const out = (side: number, of: number) =>
    pad === 'same' ? Math.ceil(side / stride) : Math.floor((side + 2 * pad - of) / stride) + 1;
  const before = (side: number, of: number) =>
    pad === 'same' ? Math.floor(Math.max((out(side, of) - 1) * stride + of - side, 0) / 2) : pad;
  const [top, left] = [before(h, kh), before(w, kw)];
  const zeros = (...shape: number[]): never =>
    (shape.length === 0 ? 0 : Array.from({ length: shape[0]! }, () => zeros(...shape.slice(1)))) as never;
  const y: number[][][][] = zeros(b, out(h, kh), out(w, kw), c);
  const dx: number[][][][] = zeros(b, h, w, c);
  const dk: number[][][] = zeros(kh, kw, c);
  for (let n = 0; n < b; n++)
    for (let i = 0; i < y[0]!.length; i++)
      for (let j = 0; j < y[0]![0]!.length; j++)
        for (let u = 0; u < kh; u++)
          for (let v = 0; v < kw; v++)
            for (let q = 0; q < c; q++) {
              const [row, column] = [i * stride + u - top, j * stride + v - left];
              if (row < 0 || column < 0 || row >= h || column >= w) continue;
              y[n]![i]![j]![q]! += x[n]![row]![column]![q]! * k[u]![v]![q]!;
              if (dy === null) continue;
              dx[n]![row]![column]![q]! += dy[n]![i]![j]![q]! * k[u]![v]![q]!;
              dk[u]![v]![q]! += dy[n]![i]![j]![q]! * x[n]![row]![column]![q]!;
            }
  return { y, dx, dk };
}

const furthest = (got: tf.Tensor, wanted: unknown): number =>
  tf.tidy(() => tf.max(tf.abs(tf.sub(got, tf.reshape(tf.tensor(wanted as number[]), got.shape)))).dataSync()[0]!);

// Other files of this process run on the plain engine.
afterAll(() => tf.setBackend('cpu'));

describe.each<[string, Engine | null]>([
  ['plain JavaScript', null],
  [ENGINE, await namedEngine()],
])('on %s', (_, engine) => {
  let runOp: RunOp | undefined;
  beforeAll(async () => {
    if (engine === null) await tf.setBackend('cpu');
    else await engine.start();
    runOp = engine?.runOp?.bind(engine);
  });

  it.each([
    [3, 1, 1, 8, 7],
    [3, 2, 1, 8, 8],
    [3, 2, 1, 7, 10],
    [5, 1, 2, 6, 7],
    [5, 2, 2, 9, 8],
    [3, 1, 0, 6, 6],
    [3, 1, 'same', 7, 6],
    [3, 2, 'same', 8, 7],
    [5, 2, 'same', 8, 9],
    [5, 2, 'same', 3, 1],
  ] as const)(
    'a kernel of %d, stride %d, padded by %s, at %d x %d: map and both gradients',
    (side, stride, pad, h, w) => {
      const x = tf.randomNormal<tf.Rank.R4>([2, h, w, 3], 0, 1, 'float32', 1);
      const kernel = tf.randomNormal<tf.Rank.R4>([side, side, 1, 3], 0, 1, 'float32', 2);
      const rows = tf.reshape(kernel, [side, side, 3]).arraySync() as number[][][];
      const run = (a: tf.Tensor, k: tf.Tensor) =>
        depthwiseConv2d(a as tf.Tensor4D, k as tf.Tensor4D, { stride, pad }, runOp);
      const y = run(x, kernel);
      const plain = byHand(x.arraySync(), rows, null, stride, pad);
      expect(y.shape).toEqual(tf.tensor(plain.y).shape);
      const seed = tf.randomNormal<tf.Rank.R4>(y.shape as [number, number, number, number], 0, 1, 'float32', 3);
      const wanted = byHand(x.arraySync(), rows, seed.arraySync(), stride, pad);
      const [dx, dk] = tf.grads((a: tf.Tensor, k: tf.Tensor) => tf.sum(tf.mul(run(a, k), seed)))([x, kernel]) as [
        tf.Tensor,
        tf.Tensor,
      ];
      expect(furthest(y, wanted.y)).toBeLessThan(1e-4);
      expect(furthest(dx, wanted.dx)).toBeLessThan(1e-4);
      expect(furthest(dk, wanted.dk)).toBeLessThan(1e-4);
      tf.dispose([x, kernel, y, seed, dx, dk]);
    },
  );

  it('a hard swish is torch’s, its slope too', () => {
    const x = tf.tensor1d([-4, -3, -1, 0, 1, 2.5, 3, 5]);
    const value = hardSwish(x);
    // torch.nn.functional.hardswish
    expect(furthest(value, [0, 0, -1 / 3, 0, 2 / 3, 2.5 * (5.5 / 6), 3, 5])).toBeLessThan(1e-6);
    const slope = tf.grad((a) => tf.sum(hardSwish(a)))(x);
    expect(furthest(slope, [0, 0, 1 / 6, 0.5, 5 / 6, 2.5 / 3 + 0.5, 1, 1])).toBeLessThan(1e-6);
    tf.dispose([x, value, slope]);
  });
});
