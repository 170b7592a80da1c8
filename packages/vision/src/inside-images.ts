import * as tf from '@tensorflow/tfjs-core';

/**
 * Location weights [n, h, w, 1]: 1 for cells that begin inside of their image, 0 for those in the padding of the batch.
 * @param shape [n, h, w, c] of the map
 * @param stride pixels of the input a cell
 * @param sizes [height, width] of each image before padding
 */
export function insideImages(
  [n, h, w]: readonly [number, number, number, number],
  stride: number,
  sizes: readonly (readonly [number, number])[],
): tf.Tensor4D {
  const weights = new Float32Array(n * h * w);
  for (let image = 0; image < n; image++) {
    const [height, width] = sizes[image]!;
    const rows = Math.min(h, Math.ceil(height / stride));
    const columns = Math.min(w, Math.ceil(width / stride));
    for (let y = 0; y < rows; y++) {
      const start = (image * h + y) * w;
      weights.fill(1, start, start + columns);
    }
  }
  return tf.tensor4d(weights, [n, h, w, 1]);
}
