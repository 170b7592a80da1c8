import * as v from 'valibot';
import type { WeightsOptions } from './contract/checkpoint.js';
import { parseOptions } from './options.js';

/** A pattern as text, which JSON can hold; a regular expression of a program becomes that. */
const pattern = v.union(
  [
    v.pipe(
      v.string(),
      v.check((text) => compiles(text), 'must be a regular expression as text, e.g. "^encoder\\\\."'),
    ),
    v.pipe(
      v.instance(RegExp),
      v.check(({ flags }) => flags.replace(/[gu]/g, '') === '', 'must have no flags'),
      v.transform(({ source }) => source),
    ),
  ],
  'must be a regular expression without flags, or its text',
);

/** See {@link WeightsOptions}. */
const meant = v.strictObject({
  key: v.optional(v.pipe(v.string(), v.nonEmpty())),
  prefix: v.optional(v.pipe(v.string(), v.nonEmpty())),
  rename: v.optional(v.array(v.strictTuple([pattern, v.string()], 'must be [pattern, replacement]'))),
});
const path = v.pipe(v.string('must be a run folder or a file, or [that, { key, prefix, rename }]'), v.nonEmpty());
const pair = v.strictTuple([path, meant], 'must be [a run folder or a file, { key, prefix, rename }]');

type Schema = typeof path | typeof pair;

/** A run folder or a file, or that with what is meant of it: one of the two by its form, so that faults are exact. */
export const weightsEntry = v.lazy(
  (input): v.GenericSchema<v.InferInput<Schema>, v.InferOutput<Schema>> =>
    (Array.isArray(input) ? pair : path) as v.GenericSchema<v.InferInput<Schema>, v.InferOutput<Schema>>,
);

function compiles(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** Options of weights as they stand in a config. @throws KdError CONFIG_INVALID */
export const parseWeightsOptions = (given: unknown, what: string): WeightsOptions => parseOptions(meant, given, what);
