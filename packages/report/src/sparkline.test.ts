import { expect, test } from 'vitest';
import { sparkline } from './sparkline.js';

test('lowest to highest in eight heights, at most a cell a value', () => {
  expect(sparkline([7, 6, 5, 4, 3, 2, 1, 0], 20)).toBe('█▇▆▅▄▃▂▁');
  expect(sparkline([1, 0], 20)).toBe('█▁');
  expect(sparkline([0.5, 0.5, 0.5], 20)).toBe('▁▁▁');
  expect(sparkline([3], 20)).toBe('▁');
});

test('of more values than cells each cell has the mean of its stretch', () => {
  expect(sparkline([8, 6, 4, 3, 0, 0], 3)).toBe('█▅▁');
  // Stretches of 2, 3, 2 and 3.
  expect(sparkline([7, 7, 0, 0, 0, 7, 7, 0, 0, 0], 4)).toBe('█▁█▁');
  expect(
    sparkline(
      Array.from({ length: 1000 }, (_, i) => 1000 - i),
      8,
    ),
  ).toBe('█▇▆▅▄▃▂▁');
});

test('no room, or nothing to show', () => {
  expect(sparkline([1, 2], 0)).toBe('');
  expect(sparkline([1, 2], -3)).toBe('');
  expect(sparkline([], 10)).toBe('');
});
