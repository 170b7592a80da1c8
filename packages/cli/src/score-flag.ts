import { KdError } from '@kd/core';
import type { Flags } from './flags.js';

/** A score of the command line. @throws KdError USAGE */
export function scoreFlag(flags: Flags, name: string, otherwise: number): number {
  const value = flags[name];
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw new KdError('USAGE', `--${name} ${String(value)}: expected a score between 0 and 1.`);
}
