import type * as tf from '@tensorflow/tfjs-core';

/** How a region is cut into bins and sampled. */
export interface Sampling {
  /** [height, width] in bins */
  readonly size: readonly [number, number];
  /** Samples a bin and axis; 0 or less: as many as a bin has cells, rounded up. */
  readonly ratio: number;
  /** Half a cell is taken off the coordinates, and no region is widened to one cell. */
  readonly aligned: boolean;
}

/** Where the maps of several levels lie, one after the other, as rows of one matrix: level, image, y, x. */
export interface Layout {
  /** [height, width] of each level */
  readonly sides: readonly (readonly [number, number])[];
  /** First row of each level. */
  readonly starts: readonly number[];
  /** The largest area in cells of the regions of each level; default: any. */
  readonly areas?: readonly number[];
  /** Cells a pixel of the input, of each level. */
  readonly scales: readonly number[] | tf.Tensor1D;
}
