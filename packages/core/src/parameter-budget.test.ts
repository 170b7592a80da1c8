import { expect, test } from 'vitest';
import { MOST_PARAMETERS, spendParameters, withParameterBudget } from './parameter-budget.js';

test('a network may have so many parameters, all kernels together', () => {
  const half = [MOST_PARAMETERS / 2];
  expect(withParameterBudget(() => [half, half].map(spendParameters))).toEqual([undefined, undefined]);
  expect(() => withParameterBudget(() => [half, half, [1, 2]].map(spendParameters))).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /^the network has more than 250 million parameters, at a kernel of shape \[1, 2\]/,
      ),
    }),
  );
});

test('and outside of one there is no bound', () => {
  expect(() => spendParameters([1e6, 1e6])).not.toThrow();
});
