import * as tf from '@tensorflow/tfjs-core';
import type { HostBatch } from '../contract/data.js';

/** Where a map lies over the images of its batch. */
export interface MapGrid {
  /** Pixels of the input per cell. */
  readonly stride: number;
  /** Per image [height, width] after resizing, before padding. */
  readonly imageSizes: HostBatch['imageSizes'];
}

/**
 * A map read at the cells of another one, bilinearly: cells of both belong together by their place in the image,
 * however each model resized and padded it. At the borders the nearest cells go on.
 * @param map [b, h, w, c]
 * @param cells [height, width] of the result
 * @returns [b, cells.., c]; the map itself (a clone) where every cell is its own place
 */
export function resampleMap(
  map: tf.Tensor4D,
  from: MapGrid,
  to: MapGrid,
  cells: readonly [number, number],
): tf.Tensor4D {
  const [, h, w] = map.shape;
  const [rows, columns] = [weights(h, cells[0], from, to, 0), weights(w, cells[1], from, to, 1)];
  if (rows === null && columns === null) return tf.clone(map);
  return tf.tidy(() => {
    const wide = columns === null ? map : mixed(tf.transpose(map, [0, 2, 1, 3]), columns, cells[1], [0, 2, 1, 3]);
    return rows === null ? wide : mixed(wide, rows, cells[0]);
  });
}

/** [b, from, n, c] with weights [b, to, from] of the first side -> [b, to, n, c], its axes turned then. */
function mixed(map: tf.Tensor4D, weights: Float32Array, to: number, turned?: number[]): tf.Tensor4D {
  const [b, from, n, c] = map.shape;
  const product = tf.matMul(tf.tensor3d(weights, [b, to, from]), tf.reshape(map, [b, from, n * c]));
  const shaped = tf.reshape<tf.Rank.R4>(product, [b, to, n, c]);
  return turned === undefined ? shaped : tf.transpose(shaped, turned);
}

/**
 * [b · to · from] what each cell of one side takes of those of the other; null where that is nothing but its own.
 * @param axis 0 rows, 1 columns
 */
function weights(from: number, to: number, source: MapGrid, target: MapGrid, axis: 0 | 1): Float32Array | null {
  const { length: b } = source.imageSizes;
  const out = new Float32Array(b * to * from);
  let same = from === to;
  for (let i = 0; i < b; i++) {
    // Pixels of the source's image for a cell of the target's.
    const scale = (target.stride * source.imageSizes[i]![axis]) / target.imageSizes[i]![axis];
    for (let cell = 0; cell < to; cell++) {
      const place = Math.min(Math.max(((cell + 0.5) * scale) / source.stride - 0.5, 0), from - 1);
      const low = Math.min(Math.floor(place), from - 1);
      const part = place - low;
      const row = (i * to + cell) * from;
      out[row + low]! += 1 - part;
      if (part > 0) out[row + low + 1]! += part;
      same &&= low === cell && part === 0;
    }
  }
  return same ? null : out;
}
