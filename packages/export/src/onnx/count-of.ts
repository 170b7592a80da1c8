import type { OnnxBuilder } from './builder.js';

/** At most `most` of the columns of [b, n]; n null where it is not known. */
export function countOf(b: OnnxBuilder, matrix: string, n: number | null, most: number): string {
  if (n !== null) return b.ints([Math.min(n, most)]);
  const columns = b.node('Gather', [b.node('Shape', [matrix]), b.ints([1])]);
  return b.node('Min', [columns, b.ints([most])]);
}
