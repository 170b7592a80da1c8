import * as v from 'valibot';

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
const weightsOptions = v.strictObject({
  key: v.optional(v.pipe(v.string(), v.nonEmpty())),
  prefix: v.optional(v.pipe(v.string(), v.nonEmpty())),
  rename: v.optional(v.array(v.strictTuple([pattern, v.string()]))),
});

/** A run folder or a file, or that with what is meant of it. */
export const weightsEntry = v.union(
  [v.pipe(v.string(), v.nonEmpty()), v.strictTuple([v.pipe(v.string(), v.nonEmpty()), weightsOptions])],
  'must be a run folder or a file, or [that, { key, prefix, rename: [[pattern, replacement]] }]',
);

function compiles(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
