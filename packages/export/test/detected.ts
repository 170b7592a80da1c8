import type { Detector, ImageDetections } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** What a detector finds on pixels that need no resizing, [n, h, w, 3], RGB from 0 to 255. */
export async function detected(
  detector: Detector,
  pixels: Float32Array,
  [n, height, width]: readonly [number, number, number],
): Promise<{ readonly maps: Record<string, Float32Array[]>; readonly images: ImageDetections[] }> {
  const { input } = detector;
  const step = input.sizeDivisible;
  const [h, w] = [height, width].map((side) => Math.ceil(side / step) * step) as [number, number];
  const images = tf.tidy(() => {
    const rgb = tf.div(tf.tensor4d(pixels, [n, height, width, 3]), 255 / (input.range ?? 1));
    const ordered = input.channels === 'bgr' ? tf.reverse(rgb, 3) : rgb;
    const normalised = tf.div(tf.sub(ordered, [...input.mean]), [...input.std]) as tf.Tensor4D;
    return tf.pad(normalised, [
      [0, 0],
      [0, h - height],
      [0, w - width],
      [0, 0],
    ]);
  });
  const output = detector.forward(images, { training: false });
  const sizes = Array.from({ length: n }, () => [height, width] as const);
  const found = await detector.detect(output, {
    imageSizes: sizes,
    originalSizes: sizes,
    ids: sizes.map((_, i) => i),
    shape: [n, h, w, 3],
  });
  const maps = Object.fromEntries(
    Object.entries(output.predictions).map(([name, levels]) => [
      name,
      levels.map((level) => level.dataSync() as Float32Array),
    ]),
  );
  return { maps, images: found };
}
