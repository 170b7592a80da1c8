export interface Groups {
  /** Row numbers, those of one group together, in the order that they had. */
  readonly rows: Int32Array;
  /** [groups + 1]: group g is rows[start[g]] … rows[start[g + 1] - 1]. */
  readonly start: Int32Array;
}

/** Puts rows with the same key (0 … groups - 1) together, keeping their order within a group (a counting sort). */
export function groupRows(rows: Int32Array, key: (row: number) => number, groups: number): Groups {
  const start = new Int32Array(groups + 1);
  for (const row of rows) start[key(row) + 1]!++;
  for (let g = 0; g < groups; g++) start[g + 1]! += start[g]!;
  const next = start.slice(0, groups);
  const grouped = new Int32Array(rows.length);
  for (const row of rows) grouped[next[key(row)]!++] = row;
  return { rows: grouped, start };
}

/** 0 … count - 1 */
export const allRows = (count: number): Int32Array => Int32Array.from({ length: count }, (_, row) => row);

/** Sorts rows by falling score, in place; equal scores keep their order. */
export const sortByScore = (rows: Int32Array, score: Float64Array): Int32Array =>
  rows.sort((a, b) => score[b]! - score[a]!);
