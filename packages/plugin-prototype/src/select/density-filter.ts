import { createRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { inMemory } from './in-memory.js';
import { fullProduct } from './product.js';
import { openRows, type Rows } from './row-tensors.js';
import { type SelectSettings, selectSettings } from './settings.js';
import type { PairedFeatures, SelectOptions } from './types.js';

/**
 * Sum over j of exp(-((1 - cos_ij) / bandwidth)^2), the instance itself included, for every row [total]; 0 for dropped
 * rows.
 */
export interface Densities {
  readonly teacher: Float64Array;
  readonly student: Float64Array;
}

/**
 * Rows of a tile: its temporaries (16 MB each) are small enough to be used again while they are near, and its products
 * large enough to be worth a call.
 */
const TILE = 2048;

/** Densities of instances in both spaces, as the filter of candidates sees them. */
export async function densitiesOf(
  features: PairedFeatures,
  options?: Pick<SelectOptions, 'density' | 'seed'>,
): Promise<Densities> {
  const rows = openRows(inMemory(features), { normalize: true });
  try {
    await rows.each(() => {});
    return await densities(rows, selectSettings(options));
  } finally {
    rows.dispose();
  }
}

/**
 * Densities in both spaces of normalised rows that one pass has gone over. Above `exactRows` rows they are estimated
 * from a fixed random set of rows, without the bias that the
 * members of that set would get from meeting themselves.
 */
export async function densities(rows: Rows, settings: Pick<SelectSettings, 'density' | 'seed'>): Promise<Densities> {
  const { bandwidth, exactRows, references } = settings.density;
  const dropped = new Set(rows.dropped);
  const live = rows.total - dropped.size;
  const exact = live <= exactRows || live <= references;
  const chosen = exact ? null : referenceRows(rows.total, dropped, references, settings.seed);
  const sets = await referenceTiles(rows, chosen, dropped);
  const out: Densities = { teacher: new Float64Array(rows.total), student: new Float64Array(rows.total) };
  try {
    const product = await fullProduct();
    await rows.each(async (block) => {
      for (const space of ['teacher', 'student'] as const) {
        for (let start = 0; start < block.rows; start += TILE) {
          const sums = tf.tidy(() => {
            const size = Math.min(TILE, block.rows - start);
            const x = withColumn(tf.mul(tf.slice(block[space], [start, 0], [size, -1]), 1 / bandwidth), -1 / bandwidth);
            // A tidy for each: what is freed at once is used again while it is in the cache.
            return tf.addN(
              sets[space].map((set) =>
                tf.tidy(() => tf.sum(tf.exp(tf.neg(tf.square(product(x, set, false, true)))), 1)),
              ),
            );
          });
          out[space].set(await sums.data(), block.from + start);
          sums.dispose();
        }
      }
    });
  } finally {
    tf.dispose([sets.teacher, sets.student]);
  }
  for (const space of ['teacher', 'student'] as const) {
    if (chosen !== null) unbias(out[space], rows.squared[space], chosen, live);
    for (const row of dropped) out[space][row] = 0;
  }
  return out;
}

/**
 * Rows strictly above the density at position floor(quantile n) of both ascending sorts, or, for `sparse`, strictly
 * below it; ascending.
 */
export function rowsByDensity(
  { teacher, student }: Densities,
  dropped: readonly number[],
  { quantile, side }: { readonly quantile: number; readonly side: 'density' | 'sparse' },
): Int32Array {
  const gone = new Set(dropped);
  const live = Int32Array.from(teacher.keys()).filter((row) => !gone.has(row));
  const cut = (density: Float64Array): number =>
    Float64Array.from(live, (row) => density[row]!).sort()[Math.floor(live.length * quantile)] ?? Infinity;
  const [t, s] = [cut(teacher), cut(student)];
  return live.filter((row) =>
    side === 'density' ? teacher[row]! > t && student[row]! > s : teacher[row]! < t && student[row]! < s,
  );
}

/** Fixed by the seed and the number of rows, ascending. */
function referenceRows(total: number, dropped: ReadonlySet<number>, count: number, seed: number): Int32Array {
  const rng = createRng(seed, 'density references', total);
  const rows = new Set<number>();
  while (rows.size < count) {
    const row = rng.int(0, total - 1);
    if (!dropped.has(row)) rows.add(row);
  }
  return Int32Array.from(rows).sort();
}

/**
 * Reference rows (all, or the chosen) in tiles, with a column of ones: products with rows that end in -1 / bandwidth
 * give (cos - 1) / bandwidth at once.
 */
async function referenceTiles(
  rows: Rows,
  chosen: Int32Array | null,
  dropped: ReadonlySet<number>,
): Promise<Record<'teacher' | 'student', tf.Tensor2D[]>> {
  const tiles: Record<'teacher' | 'student', tf.Tensor2D[]> = { teacher: [], student: [] };
  let at = 0;
  await rows.each((block) => {
    const inside: number[] = [];
    if (chosen === null) {
      for (let i = 0; i < block.rows; i++) if (!dropped.has(block.from + i)) inside.push(i);
    } else {
      for (; at < chosen.length && chosen[at]! < block.from + block.rows; at++) inside.push(chosen[at]! - block.from);
    }
    for (let start = 0; start < inside.length; start += TILE) {
      const index = inside.slice(start, start + TILE);
      for (const space of ['teacher', 'student'] as const)
        tiles[space].push(tf.tidy(() => withColumn(tf.gather(block[space], tf.tensor1d(index, 'int32')), 1)));
    }
  });
  return tiles;
}

const withColumn = (x: tf.Tensor2D, value: number): tf.Tensor2D => tf.concat([x, tf.fill([x.shape[0], 1], value)], 1);

/**
 * A reference row met itself and the others did not: everybody gets its own term (1, or 0 for a zero row) once, and the
 * mean of the other terms n - 1 times.
 */
function unbias(density: Float64Array, squared: Float64Array, chosen: Int32Array, live: number): void {
  const met = new Uint8Array(density.length);
  for (const row of chosen) met[row] = 1;
  for (let i = 0; i < density.length; i++) {
    const own = squared[i]! > 0 ? 1 : 0;
    density[i] = own + ((density[i]! - own * met[i]!) * (live - 1)) / (chosen.length - met[i]!);
  }
}
