import type { Priors } from '@kd/core';
import { decodeDistances, encodeDistances, integral } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Stride of the level of each anchor, [a, 1] */
export function strideColumn({ perLevel, strides }: Priors): tf.Tensor2D {
  return tf.tidy(() =>
    tf.concat(perLevel.map((count, level) => tf.fill([count, 1], strides[level]![1])) as tf.Tensor2D[], 0),
  );
}

/** @param logits [b, a, 4·bins] @returns [b, a, 4] in pixels */
export function decodeDistributions(logits: tf.Tensor3D, priors: Priors, bins: number): tf.Tensor3D {
  return tf.tidy(
    () =>
      decodeDistances(tf.mul(integral(logits, bins), strideColumn(priors)), tf.expandDims(priors.boxes, 0), {
        normalizeBySize: false,
      }) as tf.Tensor3D,
  );
}

/** A distance is kept this far below the last bin, so that it always has a bin on either side. */
const MARGIN = 0.1;

/** Distances of boxes in strides, kept inside of the bins: [b, a, 4] */
export function encodeStrides(boxes: tf.Tensor3D, priors: Priors, bins: number): tf.Tensor3D {
  return tf.tidy(() => {
    const distances = tf.div(
      encodeDistances(boxes, tf.expandDims(priors.boxes, 0), { normalizeBySize: false }),
      strideColumn(priors),
    );
    return tf.clipByValue(distances, 0, bins - 1 - MARGIN) as tf.Tensor3D;
  });
}
