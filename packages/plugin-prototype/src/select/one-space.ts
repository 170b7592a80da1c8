import { normaliseBlock } from './normalise.js';
import type { SelectSettings } from './settings.js';
import type { PairedFeatures } from './types.js';

/** The features of one network, as the selectors of clusters see them. */
export type Space = 'student' | 'teacher';

export interface OneSpace {
  /** Rows that are finite and not zero in both spaces, ascending. */
  readonly usable: Int32Array;
  readonly channels: number;
  /** Of any row [channels], normalised when the settings say so. */
  vector(row: number): Float32Array;
}

export function oneSpace(
  features: PairedFeatures,
  space: Space,
  { normalize }: Pick<SelectSettings, 'normalize'>,
): OneSpace {
  const block = normaliseBlock(features, features.teacherChannels, features.studentChannels, normalize);
  const { values } = block[space];
  const channels = space === 'teacher' ? features.teacherChannels : features.studentChannels;
  const rows = Int32Array.from(block.teacher.squared.keys());
  return {
    usable: rows.filter((row) => block.teacher.squared[row]! > 1e-12 && block.student.squared[row]! > 1e-12),
    channels,
    vector: (row) => values.subarray(row * channels, (row + 1) * channels),
  };
}

/** The rows whose vectors are not those of an earlier row. */
export function distinctRows({ usable, vector }: OneSpace): number[] {
  const first = new Map<string, number>();
  for (const row of usable) {
    const own = vector(row);
    const key = Buffer.from(own.buffer, own.byteOffset, own.byteLength).toString('base64');
    if (!first.has(key)) first.set(key, row);
  }
  return [...first.values()];
}

/** The row nearest to a point, the lowest among equals; null when every row is taken. */
export function nearest(
  { vector }: OneSpace,
  rows: readonly number[],
  point: ArrayLike<number>,
  taken: ReadonlySet<number>,
): number | null {
  let best: number | null = null;
  let least = Infinity;
  for (const row of rows) {
    if (taken.has(row)) continue;
    const distance = squaredDistance(vector(row), point);
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}

export function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}
