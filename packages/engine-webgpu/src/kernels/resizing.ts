import * as tf from '@tensorflow/tfjs-core';
import { composeKernel } from './replace-kernel.js';

/** The gradient of resizing to the nearest pixel, as two products with what went where: the package's is wrong. */
export function registerResizing(): void {
  composeKernel<tf.ResizeNearestNeighborGradAttrs & { halfPixelCenters?: boolean }>(
    'ResizeNearestNeighborGrad',
    ({ images, dy }, { alignCorners, halfPixelCenters = false }) => {
      const [b, h, w, c] = images!.shape as [number, number, number, number];
      const [, height, width] = dy!.shape as [number, number, number, number];
      const sources = (size: number, from: number) => nearest(size, from, { alignCorners, halfPixelCenters });
      const rows = tf.matMul(sources(height, h), tf.reshape(dy!, [b, height, width * c]), true);
      const columns = tf.matMul(sources(width, w), tf.reshape(rows, [b * h, width, c]), true);
      return tf.reshape(columns, [b, h, w, c]);
    },
  );
}

/** [1, size, from], 1 where a pixel of the result comes from: in numbers of 32 bits, as the forward kernel counts. */
function nearest(
  size: number,
  from: number,
  { alignCorners, halfPixelCenters }: { readonly alignCorners: boolean; readonly halfPixelCenters: boolean },
): tf.Tensor3D {
  const ends = alignCorners && size > 1 ? 1 : 0;
  const scale = Math.fround((from - ends) / (size - ends));
  const values = new Float32Array(size * from);
  for (let to = 0; to < size; to++) {
    const at = Math.fround((halfPixelCenters ? to + 0.5 : to) * scale);
    const source = Math.min(from - 1, alignCorners ? Math.floor(at + 0.5) : Math.floor(at));
    values[to * from + source] = 1;
  }
  return tf.tensor3d(values, [1, size, from]);
}
