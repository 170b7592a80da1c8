import { expect, it } from 'vitest';
import { descendingOrder } from './descending-order.js';
import { topCandidates } from './top-candidates.js';

it('orders by descending score, then by index, NaN first', () => {
  expect([...descendingOrder(Float32Array.of(1, 3, NaN, 3, -1, Infinity))]).toEqual([2, 5, 1, 3, 0, 4]);
});

it('takes the best scores above the float32 threshold', () => {
  expect([...topCandidates(Float32Array.of(0.1, 0.5, 0.05, 0.3, 0.5), 0.05, 3)]).toEqual([1, 4, 3]);
  expect([...topCandidates(Float32Array.of(0.1), 0.1, 3)]).toEqual([]); // float32(0.1) > 0.1, but not > float32(0.1)
});
