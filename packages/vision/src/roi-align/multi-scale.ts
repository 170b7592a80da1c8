import type { HostBatch, ImageSizes } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from './sampling.js';
import { roiAlignLevels, type RoiAlignOptions } from './roi-align.js';

export interface MultiScaleOptions extends RoiAlignOptions {
  /** [height, width] of each image as the network sees it, before padding. */
  readonly imageSizes: ImageSizes;
  /** Side in pixels of the boxes at the lower end of `canonicalLevel`; 224, the side of ImageNet's images. */
  readonly canonicalScale: number;
  /** log2 of the stride of the level that such boxes go to; 4. */
  readonly canonicalLevel: number;
  /**
   * Pixels a cell of each level, finest first. Given, the scales are these whatever the padding, and the epsilon of the
   * choice of a level is added within the logarithm, as in mmdetection.
   */
  readonly strides?: readonly number[];
}

export interface MultiScalePooled {
  /** [b, n, bins, bins, c] */
  readonly features: tf.Tensor5D;
  /** [b, n] int32: index of the level of each box, the finest is 0 */
  readonly levels: tf.Tensor2D;
}

/**
 * RoIAlign over a pyramid (Lin et al., 2017, equation 1): a box of side s is pooled from level floor(4 + log2(s /
 * 224)), within the levels there are.
 *
 * As in torchvision, unless `strides` are given, the scale of a level is the power of two next to its height over the
 * height of the tallest image. It is 1 / stride unless padding adds much (65 rows padded to 96 make every scale twice
 * as large); unlike there, it follows from each batch and not from the first one alone.
 * @param maps [b, h, w, c] a level, finest first
 * @param boxes [b, n, 4] in pixels of the resized images
 */
export function multiScaleRoiAlign(
  maps: readonly tf.Tensor4D[],
  boxes: tf.Tensor3D,
  options: MultiScaleOptions,
): MultiScalePooled {
  return tf.tidy(() => {
    const { imageSizes, strides } = options;
    const heights = maps.map(({ shape }) => shape[1]);
    const scales =
      strides?.map((stride) => 1 / stride) ??
      (imageSizes instanceof tf.Tensor ? scalesOnDevice(heights, imageSizes) : inferredScales(heights, imageSizes));
    const levels = boxLevels(boxes, scales, options);
    return {
      features: roiAlignLevels(maps, boxes, () => levels, scales, options, areasOf(scales, options)),
      levels,
    } as MultiScalePooled & tf.TensorContainerObject;
  });
}

/** Cells a pixel, of levels of these heights. */
export function inferredScales(heights: readonly number[], imageSizes: HostBatch['imageSizes']): number[] {
  const tallest = Math.max(...imageSizes.map(([height]) => height));
  return heights.map((height) => 2 ** Math.round(Math.log2(height / tallest)));
}

/** {@link inferredScales} of sizes [b, 2] on the device. */
function scalesOnDevice(heights: readonly number[], imageSizes: tf.Tensor2D): tf.Tensor1D {
  const tallest = tf.max(tf.slice(imageSizes, [0, 0], [-1, 1]));
  // A quotient lies between 2^-(i + 1/2) and 2^-(i - 1/2): comparisons of squares, which are whole numbers.
  const powers = Array.from({ length: HALVINGS + DOUBLINGS + 1 }, (_, i) => 2 ** (DOUBLINGS - i));
  const ends = tf.tensor2d([powers.slice(1).map((power) => power * power * 2)]); // [1, steps]
  // [levels, steps]
  const below = tf.less(tf.tensor2d(heights.map((height) => [height * height])), tf.mul(tf.square(tallest), ends));
  const halvings = tf.sum(tf.cast(below, 'int32'), 1); // [levels]
  return tf.gather(tf.tensor1d(powers), halvings) as tf.Tensor1D;
}

/** Of the scale 1, as far as levels go: a cell of 2^20 pixels to one of 2^-4. */
const [HALVINGS, DOUBLINGS] = [20, 4];

/**
 * The side in pixels from which on a box belongs to the next level, for each level but the coarsest; the finest has the
 * scale 2^-`finest`.
 */
export const levelEnds = (
  finest: number,
  count: number,
  {
    canonicalScale,
    canonicalLevel,
    strides,
  }: Pick<MultiScaleOptions, 'canonicalScale' | 'canonicalLevel'> & { readonly strides?: readonly number[] | null },
): number[] =>
  Array.from({ length: count - 1 }, (_, i) => {
    const [first, above] = [canonicalScale * 2 ** (finest - canonicalLevel), i + 1];
    return first * (strides ? 2 ** above - EPSILON : 2 ** (above - EPSILON));
  });

/** Added outside of the logarithm as torchvision does, or within it. */
const EPSILON = 1e-6;

/** The largest area in cells of the boxes of each level: a larger one belongs to the next. */
function areasOf(
  scales: Layout['scales'],
  options: Pick<MultiScaleOptions, 'canonicalScale' | 'canonicalLevel' | 'strides'>,
): number[] {
  // Scales of the device are halved from level to level, by which the ends are doubled; where maps are of a few cells,
  // one may be twice that.
  const known =
    scales instanceof tf.Tensor ? Array.from({ length: scales.shape[0] }, (_, level) => 2 ** (1 - level)) : scales;
  const finest = scales instanceof tf.Tensor ? 0 : -Math.log2(scales[0]!);
  const ends = levelEnds(finest, known.length, options);
  return known.map((scale, level) => (ends[level] === undefined ? Infinity : (ends[level] * scale) ** 2));
}

/** The level of each box [b, n, 4], counted from the finest. */
function boxLevels(
  boxes: tf.Tensor3D,
  scales: Layout['scales'],
  options: Pick<MultiScaleOptions, 'canonicalScale' | 'canonicalLevel' | 'strides'>,
): tf.Tensor2D {
  return tf.tidy(() => {
    // Side of a cell of the finest level; scales of the device are powers of two, by which float32 divides exactly.
    const [finest, count, cell] =
      scales instanceof tf.Tensor
        ? [0, scales.shape[0], tf.div(1, tf.slice(scales, 0, 1))]
        : [-Math.log2(scales[0]!), scales.length, 1];
    const [x1, y1, x2, y2] = tf.unstack(boxes, 2) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const side = tf.sqrt(tf.mul(tf.sub(x2, x1), tf.sub(y2, y1))); // [b, n]
    // Comparisons with the lower end of each level: a float32 logarithm can fall on the wrong side of a whole number.
    const above = levelEnds(finest, count, options).map((end) =>
      tf.cast(tf.greaterEqual(side, tf.mul(cell, end)), 'int32'),
    );
    return above.reduce((sum, one) => tf.add(sum, one), tf.zeros(side.shape, 'int32')) as tf.Tensor2D;
  });
}
