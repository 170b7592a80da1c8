import '@tensorflow/tfjs-backend-cpu';
import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { blocksOf } from './blocks.js';
import { levelLoss } from './level-loss.js';
import { settingsSchema, type SsimOptions } from './settings.js';
import { ssimLoss } from './ssim-loss.js';

type Shape = [number, number, number, number];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Smooth enough for windows to correlate, different in every channel. */
function drawn(shape: Shape, seed: number, scale = 1, offset = 0): tf.Tensor4D {
  const rng = createRng(seed, 'map');
  const [, h, w, c] = shape;
  const size = shape[0] * h * w * c;
  return tf.tensor4d(
    Float32Array.from(
      { length: size },
      (_, i) => offset + scale * (Math.sin(0.7 * Math.floor(i / c) + i) + 0.5 * rng.normal()),
    ),
    shape,
  );
}

function lossAndGradient(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  options: SsimOptions = {},
  weights?: tf.Tensor4D,
): { loss: number; gradient: Float32Array } {
  return tf.tidy(() => {
    const { value, grad } = tf.valueAndGrad((s) => ssimLoss(s as tf.Tensor4D, teacher, options, weights))(student);
    return { loss: value.dataSync()[0]!, gradient: Float32Array.from(grad.dataSync()) };
  });
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);

const EXPONENTS = [
  [1, 1, 1],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [0, 1, 1],
  [0.5, 0.3, 0.7],
  [2, 0.5, 0.5],
] as const;
const withExponents = EXPONENTS.map(([alpha, beta, gamma]) => ({ alpha, beta, gamma }));
const SIZES: [number, number][] = Array.from(
  { length: 12 },
  (_, i) =>
    [
      [i + 1, i + 1],
      [i + 1, 12 - i],
      [1, i + 1],
    ] as [number, number][],
).flat();

describe('ssimLoss', () => {
  it('lies in [0, 1] and is finite with its gradient, for maps of 1x1 to 12x12 and every padding', () => {
    for (const [h, w] of SIZES) {
      for (const padding of ['reflect', 'valid', 'renorm'] as const) {
        const { loss, gradient } = lossAndGradient(drawn([2, h, w, 2], 1), drawn([2, h, w, 2], 2), { padding });
        expect(loss, `${h}x${w} ${padding}`).toBeGreaterThanOrEqual(-1e-6);
        expect(loss, `${h}x${w} ${padding}`).toBeLessThanOrEqual(1);
        expect(gradient.every(Number.isFinite), `${h}x${w} ${padding}`).toBe(true);
      }
    }
  });

  it('is 0 with a gradient of 0 for identical maps', () => {
    for (const options of withExponents) {
      const map = drawn([2, 9, 11, 3], 3);
      const { loss, gradient } = lossAndGradient(map, map, options);
      expect(Math.abs(loss)).toBeLessThan(1e-6);
      expect(largest(gradient)).toBeLessThan(1e-6);
    }
  });

  it('does not change when the maps change places under own ranges', () => {
    const [a, b] = [drawn([2, 9, 11, 3], 4), drawn([2, 9, 11, 3], 5)];
    for (const options of withExponents) {
      expect(Math.abs(lossAndGradient(a, b, options).loss - lossAndGradient(b, a, options).loss)).toBeLessThan(1e-6);
    }
  });

  it('does not change when the student is scaled and shifted under own ranges', () => {
    const [student, teacher] = [drawn([2, 9, 11, 3], 6), drawn([2, 9, 11, 3], 7)];
    const plain = lossAndGradient(student, teacher).loss;
    for (const [scale, shift] of [
      [3, 0],
      [0.25, 2],
      [100, -7],
    ] as const) {
      const { loss } = lossAndGradient(tf.add(tf.mul(student, scale), shift), teacher);
      expect(Math.abs(loss - plain) / plain).toBeLessThan(1e-5);
    }
    expect(Math.abs(lossAndGradient(tf.mul(student, -1), teacher).loss - plain)).toBeGreaterThan(0.1);
  });

  it('has no gradient along scale and shift of an image: sum dL/dS = sum dL/dS S = 0', () => {
    const shape: Shape = [2, 9, 11, 3];
    const [student, teacher] = [drawn(shape, 8), drawn(shape, 9)];
    for (const options of withExponents) {
      const { gradient } = lossAndGradient(student, teacher, options);
      const values = student.dataSync();
      const image = gradient.length / shape[0];
      for (let n = 0; n < shape[0]; n++) {
        const part = gradient.subarray(n * image, (n + 1) * image);
        const size = sum(part.map(Math.abs));
        expect(Math.abs(sum(part))).toBeLessThan(1e-5 * size);
        expect(Math.abs(sum(part.map((g, i) => g * values[n * image + i]!)))).toBeLessThan(1e-5 * size);
      }
    }
    const held = lossAndGradient(student, teacher, { detachRange: true }).gradient;
    expect(Math.abs(sum(held.map((g, i) => g * student.dataSync()[i]!)))).toBeGreaterThan(1e-4);
  });

  it('stays finite for zeros, constants, a hot pixel and large values', () => {
    const shape: Shape = [1, 8, 9, 2];
    const hot = tf.tensor4d(
      Float32Array.from({ length: 144 }, (_, i) => (i === 77 ? 1e3 : 0)),
      shape,
    );
    const maps = [
      tf.zeros<tf.Rank.R4>(shape),
      tf.fill<tf.Rank.R4>(shape, 0.3),
      tf.fill<tf.Rank.R4>(shape, -50),
      hot,
      drawn(shape, 10),
      drawn(shape, 11, 1e4),
      drawn(shape, 12, 1, 1e4),
    ];
    for (const options of withExponents.filter((_, i) => [0, 3, 6].includes(i))) {
      for (const more of [
        {},
        { normalize: 'none' },
        { normalize: 'none', dynamicRange: 'teacher' },
        { scope: 'channel' },
        { rangeFrom: 'teacher' },
      ] as const) {
        for (const [i, student] of maps.entries()) {
          for (const [j, teacher] of maps.entries()) {
            const { loss, gradient } = lossAndGradient(student, teacher, { ...options, ...more });
            const what = JSON.stringify({ ...options, ...more, i, j });
            expect(Number.isFinite(loss), what).toBe(true);
            expect(gradient.every(Number.isFinite), what).toBe(true);
          }
        }
      }
    }
  }, 120_000);

  it('keeps its digits when the mean is much larger than the spread', () => {
    const [student, teacher] = [drawn([1, 9, 11, 2], 13), drawn([1, 9, 11, 2], 14)];
    const options = { normalize: 'none', alpha: 0, beta: 1, gamma: 1 } as const;
    const plain = lossAndGradient(student, teacher, options);
    const far = lossAndGradient(tf.add(student, 1024), tf.add(teacher, -2048), options);
    expect(Math.abs(far.loss - plain.loss)).toBeLessThan(1e-4);
    expect(largest(far.gradient.map((g, i) => g - plain.gradient[i]!))).toBeLessThan(1e-2 * largest(plain.gradient));
  });

  it('gives an image the same loss and gradient whatever else is in the batch', () => {
    const [student, teacher] = [drawn([3, 7, 9, 2], 15), drawn([3, 7, 9, 2], 16)];
    const together = lossAndGradient(student, teacher);
    let mean = 0;
    for (let n = 0; n < 3; n++) {
      const alone = lossAndGradient(
        tf.slice(student, [n, 0, 0, 0], [1, -1, -1, -1]),
        tf.slice(teacher, [n, 0, 0, 0], [1, -1, -1, -1]),
      );
      mean += alone.loss / 3;
      const part = together.gradient.subarray(n * 126, (n + 1) * 126);
      expect(largest(part.map((g, i) => 3 * g - alone.gradient[i]!))).toBeLessThan(1e-6);
    }
    expect(Math.abs(mean - together.loss)).toBeLessThan(1e-6);
  });

  it('gives a map that is cut into blocks what it gives in one piece', () => {
    const shape: Shape = [3, 9, 10, 80];
    const [student, teacher, weights] = [drawn(shape, 17), drawn(shape, 18), tf.abs(drawn([3, 9, 10, 1], 19))];
    expect(blocksOf(shape, 1).flat().length).toBe(9);
    for (const options of [
      { scope: 'image' },
      { scope: 'tensor' },
      { scope: 'channel' },
      { scope: 'image', rangeFrom: 'teacher' },
      { normalize: 'none' },
    ] as const) {
      const settings = v.parse(settingsSchema, options);
      const [blocks, whole] = [1, 1e9].map((blockBytes) =>
        levelLoss(student, teacher, settings, { blockBytes, weights }),
      );
      expect(Math.abs(blocks!.loss.dataSync()[0]! - whole!.loss.dataSync()[0]!)).toBeLessThan(1e-6);
      const difference = tf.sub(blocks!.gradient, whole!.gradient).dataSync() as Float32Array;
      expect(largest(difference)).toBeLessThan(1e-4 * largest(whole!.gradient.dataSync() as Float32Array));
    }
  }, 60_000);

  it('weighs locations, and is 0 when all weights are 0', () => {
    const [student, teacher] = [drawn([1, 7, 9, 2], 19), drawn([1, 7, 9, 2], 20)];
    const ones = tf.ones<tf.Rank.R4>([1, 7, 9, 1]);
    expect(lossAndGradient(student, teacher, {}, tf.mul(ones, 3)).loss).toBeCloseTo(
      lossAndGradient(student, teacher).loss,
      5,
    );
    const none = lossAndGradient(student, teacher, {}, tf.zerosLike(ones));
    expect(none.loss).toBe(0);
    expect(largest(none.gradient)).toBe(0);
  });

  it('leaves a level without elements out', () => {
    const empty = tf.zeros<tf.Rank.R4>([0, 7, 9, 2]);
    const { loss, gradient } = lossAndGradient(empty, empty);
    expect(loss).toBe(0);
    expect(gradient.length).toBe(0);
  });

  it('leaves no tensors behind', () => {
    const [student, teacher] = [drawn([2, 12, 13, 2], 21), drawn([2, 12, 13, 2], 22)];
    for (const options of [
      ...withExponents,
      { normalize: 'none', padding: 'valid' },
      { scope: 'tensor' },
    ] as SsimOptions[]) {
      const before = tf.memory().numTensors;
      lossAndGradient(student, teacher, options);
      ssimLoss(student, teacher, options).dispose();
      expect(tf.memory().numTensors).toBe(before);
    }
  });

  it('refuses shapes and options that do not fit, in one sentence', () => {
    const map = drawn([1, 7, 9, 2], 23);
    expect(() => ssimLoss(map, drawn([1, 7, 9, 3], 1))).toThrow(/\[1, 7, 9, 2\].*\[1, 7, 9, 3\].*adapter: 'conv1x1'/);
    expect(() => ssimLoss(map, drawn([1, 7, 8, 2], 1))).toThrow(/resize one of them/);
    expect(() => ssimLoss(map, map, {}, tf.ones([1, 7, 9, 2]))).toThrow(/must be \[1, 7, 9, 1\], not \[1, 7, 9, 2\]/);
    expect(() => ssimLoss(map, map, { padding: 'valid' }, tf.ones([1, 7, 9, 1]))).toThrow(/padding "valid"/);
    expect(() => ssimLoss(map, map, { window: 10 })).toThrow(/window: the window must be odd/);
    expect(() => ssimLoss(map, map, { gama: 2 } as SsimOptions)).toThrow(/gama/);
  });
});
