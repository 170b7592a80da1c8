import * as tf from '@tensorflow/tfjs-core';
import type { Layout, Sampling } from './sampling.js';
import type { SparseEntries } from './sparse-product.js';

/** The cells that one bin reads along one axis: `weights` from cell `first` on. */
interface Reach {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * What every bin reads, when the number of samples follows from the size of the region: on the host, since the number
 * of entries depends on
 * the boxes, too. The samples of a bin share most of their cells, so each cell is read once with the sum of its
 * weights.
 * @param boxes [b, n, 4] in pixels
 * @param levels [b, n] int32
 */
export function adaptiveEntries(
  boxes: tf.Tensor3D,
  levels: tf.Tensor2D,
  { sides, starts, scales }: Layout,
  { size, aligned }: Sampling,
): SparseEntries {
  const [b, n] = levels.shape;
  const corners = boxes.dataSync();
  const level = levels.dataSync();
  const cellsPerPixel = scales instanceof tf.Tensor ? scales.dataSync() : scales;
  const indices: number[] = [];
  const weights: number[] = [];
  for (let region = 0; region < b * n; region++) {
    const at = level[region]!;
    const [height, width] = sides[at]!;
    const cell = (corner: number): number =>
      f(f(corners[4 * region + corner]! * cellsPerPixel[at]!) - (aligned ? 0.5 : 0));
    const rows = reaches(cell(1), cell(3), height, size[0], aligned);
    const columns = reaches(cell(0), cell(2), width, size[1], aligned);
    const start = starts[at]! + Math.floor(region / n) * height * width;
    rows.forEach((row, i) =>
      columns.forEach((column, j) => {
        const bin = (region * size[0] + i) * size[1] + j;
        row.weights.forEach((down, y) =>
          column.weights.forEach((right, x) => {
            indices.push(bin, start + (row.first + y) * width + column.first + x);
            weights.push(down * right);
          }),
        );
      }),
    );
  }
  return { indices: tf.tensor2d(indices, [weights.length, 2], 'int32'), weights: tf.tensor1d(weights) };
}

const f = Math.fround;

function reaches(start: number, end: number, side: number, bins: number, aligned: boolean): Reach[] {
  const length = aligned ? f(end - start) : Math.max(f(end - start), 1);
  const bin = f(length / bins);
  const ratio = Math.ceil(bin);
  return Array.from({ length: bins }, (_, i) => {
    const taps = new Map<number, number>();
    for (let k = 0; k < ratio; k++) {
      const position = f(f(start + f(i * bin)) + f(f((k + 0.5) * bin) / ratio));
      if (!(position >= -1 && position <= side)) continue;
      const clamped = Math.min(Math.max(position, 0), side - 1);
      const low = Math.floor(clamped);
      const fraction = clamped - low;
      taps.set(low, (taps.get(low) ?? 0) + (1 - fraction) / ratio);
      if (fraction > 0) taps.set(low + 1, (taps.get(low + 1) ?? 0) + fraction / ratio);
    }
    const cells = [...taps.keys()];
    const first = Math.min(...cells);
    const count = cells.length === 0 ? 0 : Math.max(...cells) - first + 1;
    return { first, weights: Array.from({ length: count }, (_, cell) => taps.get(first + cell) ?? 0) };
  });
}
