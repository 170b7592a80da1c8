import type { WeightsOptions } from '@kd/core';
import type { Flags } from './flags.js';

/** `--key` and `--prefix`: which of the weights in a file of another program are meant. */
export const weightsFlags = ({ key, prefix }: Flags): WeightsOptions => ({
  ...(key === undefined ? {} : { key: String(key) }),
  ...(prefix === undefined ? {} : { prefix: String(prefix) }),
});
