import type { Priors } from '@kd/core';
import { anchorGrid } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { FcosConfig } from './options.js';

type Size = readonly [height: number, width: number];

/**
 * The points of all levels as boxes of the level's size around them. torchvision's points are the upper left corners of
 * the
 * cells, a stride being the whole quotient of batch and level; mmdetection's are the centres of cells of a fixed
 * stride.
 * @param levels [height, width] in cells per level, finest first
 * @param paddedSize [height, width] of the padded batch in pixels
 */
export function pointGrid(
  levels: readonly Size[],
  paddedSize: Size,
  { flavour, sizes, strides }: Pick<FcosConfig, 'flavour' | 'sizes' | 'strides'>,
): Priors {
  const square = { sizes: sizes.map((size) => [size]), ratios: sizes.map(() => [1]) };
  if (flavour === 'torchvision') return anchorGrid(levels, paddedSize, square);
  const { boxes: corners, ...grid } = anchorGrid(levels, paddedSize, {
    ...square,
    round: false,
    strides: strides.map((stride) => [stride, stride]),
  });
  const boxes = tf.tidy(
    () => tf.add(corners, tf.concat(grid.perLevel.map((n, i) => tf.fill([n, 1], strides[i]! / 2)))) as tf.Tensor2D,
  );
  corners.dispose();
  return { boxes, ...grid };
}
