import type { Priors } from '@kd/core';
import { anchorGrid, cellCentres } from '@kd/vision';
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
  if (flavour === 'mmdet') return cellCentres(levels, paddedSize, { strides, sizes });
  return anchorGrid(levels, paddedSize, { sizes: sizes.map((size) => [size]), ratios: sizes.map(() => [1]) });
}
