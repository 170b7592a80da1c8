import * as tf from '@tensorflow/tfjs-core';
import { axisPlans, type AxisPlan, type EdgeRows } from './axis-plan.js';
import type { SsimSettings } from './settings.js';
import { axisMatrix } from './window.js';

/** The separable window of one map size, and its adjoint. */
export interface MapFilter {
  /** [height, width] of the filtered map */
  readonly size: readonly [number, number];
  /** [n, h, w, c] -> [n, h', w', c] */
  forward(map: tf.Tensor4D): tf.Tensor4D;
  /** [n, h', w', c] -> [n, h, w, c] */
  adjoint(map: tf.Tensor4D): tf.Tensor4D;
}

type Apply = (map: tf.Tensor4D) => tf.Tensor4D;

/**
 * The window of `settings` for maps of [height, width]. Each axis is a banded matrix, so that every border rule has its exact
 * adjoint. Tensors that it makes belong to the caller's tidy.
 */
export function mapFilter(height: number, width: number, settings: SsimSettings): MapFilter {
  const rows = axisMatrix(height, settings);
  const columns = axisMatrix(width, settings);
  const down = tf.tensor2d(rows.values, [rows.out, rows.in]);
  const { forward, adjoint } = axisPlans(columns);
  const across = alongWidth(forward);
  const back = alongWidth(adjoint);
  return {
    size: [rows.out, columns.out],
    forward: (map) => tf.tidy(() => across(alongHeight(map, down, false))),
    adjoint: (map) => tf.tidy(() => alongHeight(back(map), down, true)),
  };
}

/** One product an image: the rows of a channels-last image are contiguous, and the whole matrix is as fast as its band. */
function alongHeight(map: tf.Tensor4D, matrix: tf.Tensor2D, transpose: boolean): tf.Tensor4D {
  const [n, h, w, c] = map.shape;
  const out = matrix.shape[transpose ? 1 : 0]!;
  return tf.reshape(tf.matMul(matrix, tf.reshape(map, [n, h, w * c]), transpose), [n, out, w, c]);
}

function alongWidth({ top, middle, bottom }: AxisPlan): Apply {
  const parts = [top && denseColumns(top), middle && correlation(middle), bottom && denseColumns(bottom)].filter((part) => part !== null);
  return (map) => (parts.length === 1 ? parts[0]!(map) : tf.concat(parts.map((part) => part(map)), 2));
}

function denseColumns({ rows, firstColumn, columns, values }: EdgeRows): Apply {
  const matrix = tf.tensor2d(values, [rows, columns]);
  return (map) => {
    const [n, h, , c] = map.shape;
    return tf.reshape(tf.matMul(matrix, tf.reshape(columnsOf(map, firstColumn, columns), [n * h, columns, c])), [n, h, rows, c]);
  };
}

function correlation({ firstColumn, columns, taps }: NonNullable<AxisPlan['middle']>): Apply {
  const line = tf.tensor4d(taps, [1, taps.length, 1, 1]);
  return (map) => tf.depthwiseConv2d(columnsOf(map, firstColumn, columns), tf.tile(line, [1, 1, map.shape[3], 1]), 1, 'valid');
}

const columnsOf = (map: tf.Tensor4D, from: number, count: number): tf.Tensor4D => (count === map.shape[2] ? map : tf.slice(map, [0, 0, from, 0], [-1, -1, count, -1]));
