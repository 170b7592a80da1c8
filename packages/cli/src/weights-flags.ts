import { KdError, parseWeightsOptions, type WeightsOptions } from '@kd/core';
import type { Flags } from './flags.js';

/** `--key`, `--prefix` and `--rename`: which of the weights in a file of another program are meant. */
export const weightsFlags = ({ key, prefix, rename }: Flags): WeightsOptions => ({
  ...(key === undefined ? {} : { key: String(key) }),
  ...(prefix === undefined ? {} : { prefix: String(prefix) }),
  ...(rename === undefined ? {} : parseWeightsOptions({ rename: parsed(String(rename)) }, '--rename')),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new KdError('USAGE', `--rename ${text}: no JSON; a list of rules is meant: [["^encoder", "backbone.body"]].`);
  }
}
