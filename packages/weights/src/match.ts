export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

export interface WeightMatch {
  /** Names in both, with one shape. */
  readonly matched: readonly string[];
  /** Wanted and not given. */
  readonly missing: readonly string[];
  /** Given and not wanted. */
  readonly unexpected: readonly string[];
  /** In both, with different shapes. */
  readonly mismatched: readonly {
    readonly name: string;
    readonly given: readonly number[];
    readonly wanted: readonly number[];
  }[];
}

/**
 * Compares the tensors of a checkpoint with the variables of a model, both by name and shape; each list in the order of
 * its source.
 */
export function matchWeights(given: Shapes, wanted: Shapes): WeightMatch {
  const matched: string[] = [];
  const missing: string[] = [];
  const mismatched: { name: string; given: readonly number[]; wanted: readonly number[] }[] = [];
  for (const [name, { shape }] of wanted) {
    const other = given.get(name)?.shape;
    if (other === undefined) missing.push(name);
    else if (other.length === shape.length && other.every((side, i) => side === shape[i])) matched.push(name);
    else mismatched.push({ name, given: other, wanted: shape });
  }
  return { matched, missing, unexpected: [...given.keys()].filter((name) => !wanted.has(name)), mismatched };
}

/** What did not match, one line a list, at most `limit` names each; empty when all did. */
export function describeMismatch({ missing, unexpected, mismatched }: WeightMatch, limit = 8): string {
  const sides = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
  const line = (what: string, names: readonly string[]): string[] =>
    names.length === 0
      ? []
      : [
          `${names.length} ${what}: ${names.slice(0, limit).join(', ')}${names.length > limit ? `, … (${names.length - limit} more)` : ''}`,
        ];
  return [
    ...line('missing', missing),
    ...line(
      'of another shape',
      mismatched.map(({ name, given, wanted }) => `${name} is ${sides(given)} where ${sides(wanted)} is wanted`),
    ),
    ...line('not used', unexpected),
  ].join('\n');
}
