import * as tf from '@tensorflow/tfjs-core';
import { axisPlans, type AxisPlan, type Correlation, type EdgeRows } from './axis-plan.js';
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
/** Height or width of [n, h, w, c]. */
type Axis = 1 | 2;

/**
 * The window of `settings` for maps of [height, width]. Each axis is a banded matrix, so that every border rule has its
 * exact
 * adjoint. Tensors that it makes belong to the caller's tidy.
 */
export function mapFilter(height: number, width: number, settings: SsimSettings): MapFilter {
  const rows = axisMatrix(height, settings);
  const columns = axisMatrix(width, settings);
  const [downs, across] = [axisPlans(rows), axisPlans(columns)];
  const forward = [along(1, downs.forward), along(2, across.forward)];
  const adjoint = [along(2, across.adjoint), along(1, downs.adjoint)];
  const chain =
    (parts: readonly Apply[]): Apply =>
    (map) =>
      tf.tidy(() => parts.reduce((last, part) => part(last), map));
  return { size: [rows.out, columns.out], forward: chain(forward), adjoint: chain(adjoint) };
}

function along(axis: Axis, { top, middle, bottom }: AxisPlan): Apply {
  const parts = [top && dense(axis, top), middle && correlation(axis, middle), bottom && dense(axis, bottom)].filter(
    (part) => part !== null,
  );
  return (map) =>
    parts.length === 1
      ? parts[0]!(map)
      : tf.concat(
          parts.map((part) => part(map)),
          axis,
        );
}

/** Rows of a channels-last image are contiguous: along the height one product an image, along the width one a row. */
function dense(axis: Axis, { rows, firstColumn, columns, values }: EdgeRows): Apply {
  const matrix = tf.tensor2d(values, [rows, columns]);
  return (map) => {
    const [n, h, w, c] = map.shape;
    const lines = tf.reshape(
      cut(map, axis, firstColumn, columns),
      axis === 1 ? [n, columns, w * c] : [n * h, columns, c],
    );
    return tf.reshape(tf.matMul(matrix, lines), axis === 1 ? [n, rows, w, c] : [n, h, rows, c]);
  };
}

function correlation(axis: Axis, { taps, firstColumn, columns, padding }: Correlation): Apply {
  const line = tf.tensor4d(taps, axis === 1 ? [taps.length, 1, 1, 1] : [1, taps.length, 1, 1]);
  const around = ([1, 2] as const).map((one): [number, number] => (one === axis ? [...padding] : [0, 0]));
  const border: tf.backend_util.ExplicitPadding = [[0, 0], ...(around as [[number, number], [number, number]]), [0, 0]];
  const pad = padding[0] + padding[1] === 0 ? 'valid' : border;
  return (map) =>
    tf.depthwiseConv2d(
      cut(map, axis, firstColumn, columns),
      tf.tile(line, [1, 1, map.shape[3], 1]),
      1,
      // Declared for convolutions alone, computed by all of TensorFlow.js' back ends.
      pad as 'valid',
    );
}

function cut(map: tf.Tensor4D, axis: Axis, from: number, count: number): tf.Tensor4D {
  const [n, h, w, c] = map.shape;
  if (count === map.shape[axis]) return map;
  if (axis === 2) return tf.slice(map, [0, 0, from, 0], [-1, -1, count, -1]);
  // Along the first axis a part is a view on some backends, so that an image alone gives up its own.
  if (n === 1) return tf.reshape(tf.slice(tf.reshape(map, [h, w * c]), [from, 0], [count, -1]), [1, count, w, c]);
  return tf.slice(map, [0, from, 0, 0], [-1, count, -1, -1]);
}
