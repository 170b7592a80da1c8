import type { Flags } from './flags.js';
import { KdError } from '@kd/core';

/** A whole number of the command line. @throws KdError USAGE */
export function positiveFlag(flags: Flags, name: string, otherwise: number, least = 1): number {
  const value = flags[name];
  if (value === undefined) return otherwise;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new KdError('USAGE', `${flag} ${String(value)}: expected a whole number of at least ${least}.`);
}
