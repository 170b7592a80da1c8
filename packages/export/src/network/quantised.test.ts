import { expect, test } from 'vitest';
import { quantised } from './quantised.js';

test('whole steps of each channel, and zeros without a scale of their own', () => {
  // [2, 3]: the largest number of each column is 127 steps.
  const { values, scales } = quantised(Float32Array.of(1.27, -0.5, 0, 0.0149, 0.25, 0), [2, 3], 1);
  expect([...values]).toEqual([127, -127, 0, 1, 64, 0]);
  expect(scales[0]).toBeCloseTo(0.01, 8);
  expect(scales[1]).toBeCloseTo(0.5 / 127, 8);
  expect(scales[2]).toBe(1);
});

test('the axis of channels may come first', () => {
  const moved = Float32Array.of(1.27, 0.0149, -0.5, 0.25, 0, 0);
  expect([...quantised(moved, [3, 2], 0).values]).toEqual([127, 1, -127, 64, 0, 0]);
});
