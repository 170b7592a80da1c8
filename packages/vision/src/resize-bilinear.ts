import * as tf from '@tensorflow/tfjs-core';

/**
 * Bilinear interpolation at half-pixel centres, clamped at the border, without antialiasing, as torch's `interpolate`
 * with `align_corners=False`. `tf.image.resizeBilinear` gives the same values, but its gradient ignores the half pixel.
 * @param x [b, h, w, c]
 * @returns [b, height, width, c]
 */
export function resizeBilinear(x: tf.Tensor4D, height: number, width: number): tf.Tensor4D {
  return tf.tidy(() => interpolateAxis(interpolateAxis(x, 2, width), 1, height));
}

function interpolateAxis(x: tf.Tensor4D, axis: 1 | 2, to: number): tf.Tensor4D {
  const from = x.shape[axis];
  if (from === to) return x;
  const scale = Math.fround(from / to);
  const source = Array.from({ length: to }, (_, i) => Math.max(0, Math.fround(Math.fround(scale * (i + 0.5)) - 0.5)));
  const low = source.map((s) => Math.min(Math.floor(s), from - 1));
  const high = low.map((l) => Math.min(l + 1, from - 1));
  const weight = tf.reshape(
    source.map((s, i) => Math.min(s - low[i]!, 1)),
    axis === 1 ? [1, to, 1, 1] : [1, 1, to, 1],
  );
  const pick = (indices: number[]): tf.Tensor => tf.gather(x, tf.tensor1d(indices, 'int32'), axis);
  return tf.add(tf.mul(pick(low), tf.sub(1, weight)), tf.mul(pick(high), weight)) as tf.Tensor4D;
}
