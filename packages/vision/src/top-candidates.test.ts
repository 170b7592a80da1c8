import fc from 'fast-check';
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

it('takes the same ones as sorting everything, negative scores and ties included', () => {
  const score = fc.oneof(fc.float({ min: -2, max: 2, noNaN: true }), fc.constantFrom(0.25, 0.5, -0.5));
  fc.assert(
    fc.property(
      fc.array(score, { maxLength: 60 }),
      fc.constantFrom(-1, 0, 0.25),
      fc.integer({ min: 0, max: 20 }),
      (list, threshold, count) => {
        const scores = Float32Array.from(list);
        const sorted = [...scores.keys()]
          .filter((i) => scores[i]! > threshold)
          .sort((a, b) => scores[b]! - scores[a]! || a - b);
        expect([...topCandidates(scores, threshold, count)]).toEqual(sorted.slice(0, count));
      },
    ),
  );
});
