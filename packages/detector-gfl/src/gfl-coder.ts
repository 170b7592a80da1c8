import type { Priors } from '@kd/core';
import { encodeDistances, strideColumn } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

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
