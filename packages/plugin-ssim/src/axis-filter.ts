import * as tf from '@tensorflow/tfjs-core';
import type { SsimSettings } from './settings.js';
import { axisMatrix, type AxisMatrix } from './window.js';

/** The separable window of one map size, and its adjoint. */
export interface MapFilter {
  /** [height, width] of the filtered map */
  readonly size: readonly [number, number];
  /** [n, h, w, c] -> [n, h', w', c] */
  forward(map: tf.Tensor4D): tf.Tensor4D;
  /** [n, h', w', c] -> [n, h, w, c] */
  adjoint(map: tf.Tensor4D): tf.Tensor4D;
}

/**
 * The window of `settings` for maps of [height, width], as one banded matrix an axis: every border rule and its exact
 * adjoint come for free, and no padding is needed. Its tensors belong to the caller's tidy.
 */
export function mapFilter(height: number, width: number, settings: SsimSettings): MapFilter {
  const rows = axisMatrix(height, settings);
  const columns = axisMatrix(width, settings);
  const rowMatrix = tensorOf(rows);
  const columnMatrix = tensorOf(columns);
  return {
    size: [rows.out, columns.out],
    forward: (map) => alongWidth(alongHeight(map, rowMatrix, false), columnMatrix, false),
    adjoint: (map) => alongHeight(alongWidth(map, columnMatrix, true), rowMatrix, true),
  };
}

const tensorOf = (matrix: AxisMatrix): tf.Tensor2D => tf.tensor2d(matrix.values, [matrix.out, matrix.in]);

function alongHeight(map: tf.Tensor4D, matrix: tf.Tensor2D, transpose: boolean): tf.Tensor4D {
  const [n, h, w, c] = map.shape;
  const out = matrix.shape[transpose ? 1 : 0]!;
  return tf.reshape(tf.matMul(matrix, tf.reshape(map, [n, h, w * c]), transpose), [n, out, w, c]);
}

function alongWidth(map: tf.Tensor4D, matrix: tf.Tensor2D, transpose: boolean): tf.Tensor4D {
  const [n, h, w, c] = map.shape;
  const out = matrix.shape[transpose ? 1 : 0]!;
  return tf.reshape(tf.matMul(matrix, tf.reshape(map, [n * h, w, c]), transpose), [n, h, out, c]);
}
