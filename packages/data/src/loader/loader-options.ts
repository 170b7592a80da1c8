import { KdError, type LoaderOptions } from '@kd/core';

/** @throws KdError USAGE or CONFIG_INVALID for numbers that make no batch */
export function checkLoaderOptions({ batchSize, workers, input }: LoaderOptions): void {
  const wholeFrom = (low: number, value: number, what: string): void => {
    if (!Number.isInteger(value) || value < low)
      throw new KdError('CONFIG_INVALID', `${what} must be a whole number of at least ${low}, not ${value}.`);
  };
  wholeFrom(1, batchSize, 'batchSize');
  wholeFrom(0, workers, 'workers');
  wholeFrom(1, input.sizeDivisible, 'input.sizeDivisible');
  if (input.std.some((value) => !(value > 0)))
    throw new KdError('CONFIG_INVALID', `input.std must be above 0, not ${input.std.join(', ')}.`);
  if (input.fixedSize !== null) {
    input.fixedSize.forEach((side) => wholeFrom(1, side, 'input.fixedSize'));
    return;
  }
  if (input.minSize.length === 0)
    throw new KdError('CONFIG_INVALID', 'input.minSize is empty; write at least one size.');
  input.minSize.forEach((side) => wholeFrom(1, side, 'input.minSize'));
  wholeFrom(1, input.maxSize, 'input.maxSize');
}
