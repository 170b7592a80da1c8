import { expect } from 'vitest';

/**
 * What an index tells of a stored tensor: its largest magnitude, and the largest difference of the float32 to a float64
 * run.
 */
export interface TensorInfo {
  readonly max_abs?: number | null;
  readonly f64_diff?: number | null;
}

/**
 * The tolerance of op outputs: max(1e-6 max_abs, 20 f64_diff, 1e-7); ten times that where another order of operations
 * is used
 * (convolutions, long sums).
 */
export function opTolerance(info: TensorInfo, reordered = false): number {
  const tolerance = Math.max(1e-6 * (info.max_abs ?? 0), 20 * (info.f64_diff ?? 0), 1e-7);
  return reordered ? 10 * tolerance : tolerance;
}

const differ = (a: number, b: number): number =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : Math.abs(a - b);

/** Largest absolute difference; NaN equals NaN and an infinity itself, NaN against a number is NaN. */
export function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = differ(actual[i]!, expected[i]!);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) return largest;
  }
  return largest;
}

/** |actual - expected| / |expected| in the Euclidean norm; the plain norm of the difference where expected is 0. */
export function relativeL2(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += differ(actual[i]!, expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference) / (norm === 0 ? 1 : Math.sqrt(norm));
}

/** Every element within `atol`; otherwise the message counts the misses and shows the worst. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, atol: number, what: string): void {
  if (actual.length !== expected.length) expect.fail(`${what}: ${actual.length} elements, expected ${expected.length}`);
  let misses = 0;
  let worst = -1;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = differ(actual[i]!, expected[i]!);
    if (difference <= atol) continue;
    misses++;
    if (worst < 0 || !(difference <= largest)) [worst, largest] = [i, difference];
  }
  if (misses > 0) {
    expect.fail(
      `${what}: ${misses} of ${expected.length} elements differ by more than ${atol}; worst at ${worst}: ${actual[worst]}, expected ${expected[worst]} (difference ${largest})`,
    );
  }
  expect(misses, what).toBe(0);
}

/** Every element the same: integers, labels, chosen indices. */
export const expectEqual = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void =>
  expectClose(actual, expected, 0, what);
