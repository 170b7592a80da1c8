import type * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { nhwcToNchw } from '../support/index.js';
import type { Checksum, Losses, TensorEntry } from './index-file.js';

/** Limits of the golden folder's README for a float32 engine. */
export const LIMITS = {
  batch: 5e-5,
  features: ({ f64_diff: difference }: TensorEntry): number => Math.max(1e-3, 10 * (difference ?? 0)),
  losses: 5e-5,
  gradients: (robustness: number): number => Math.max(1e-3, 3 * robustness),
  gradientNorms: (robustness: number): number => Math.max(1e-3, 3 * robustness) / 2,
  scores: 2e-4,
  boxes: 0.05,
  trajectory: 5e-4,
} as const;

/** Values of a [b, h, w, c] map in torch's order. */
export const torchValues = async (map: tf.Tensor4D): Promise<Float32Array> =>
  nhwcToNchw({ values: await map.data(), shape: map.shape }).values;

/**
 * Compares the sums of an image-like tensor. `relative` is a share of the sum of magnitudes; the plain sums may cancel,
 * so
 * they are held to the same absolute width.
 */
export function expectChecksum(values: ArrayLike<number>, wanted: Checksum, relative: number, what: string): void {
  let sum = 0;
  let magnitudes = 0;
  let squares = 0;
  let cosines = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    sum += value;
    magnitudes += Math.abs(value);
    squares += value * value;
    cosines += value * Math.cos(i);
  }
  expect(values.length, `${what}: elements`).toBe(wanted.count);
  const width = relative * wanted.abs_sum;
  expectNear(sum, wanted.sum, width, `${what}: sum`);
  expectNear(magnitudes, wanted.abs_sum, width, `${what}: sum of magnitudes`);
  expectNear(squares, wanted.sq_sum, 2 * relative * wanted.sq_sum, `${what}: sum of squares`);
  expectNear(cosines, wanted.cos_sum, width, `${what}: sum weighted with cosines`);
}

export function expectNear(actual: number, wanted: number, width: number, what: string): void {
  if (!(Math.abs(actual - wanted) <= width)) expect.fail(`${what}: ${actual}, expected ${wanted} within ${width}`);
}

export function expectLosses(
  actual: Readonly<Record<string, number>>,
  wanted: Readonly<Record<string, number>>,
  relative: number,
  what: string,
): void {
  expect(Object.keys(actual).sort(), `${what}: names of the losses`).toEqual(Object.keys(wanted).sort());
  for (const [name, value] of Object.entries(wanted))
    expectNear(actual[name]!, value, relative * Math.abs(value), `${what}: ${name}`);
}

/** The losses, and what they come to. */
export function expectLossesAndTotal(
  actual: Readonly<Record<string, number>>,
  { losses, total }: Losses,
  relative: number,
  what: string,
): void {
  expectLosses(actual, losses, relative, what);
  const sum = Object.values(actual).reduce((all, value) => all + value, 0);
  expectNear(sum, total, relative * Math.abs(total), `${what}: total`);
}
