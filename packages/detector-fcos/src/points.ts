import type { PriorGrid, Priors } from '@kd/core';
import { anchorCells, centreCells, layPriors } from '@kd/vision';
import type { FcosConfig } from './options.js';

type Size = readonly [height: number, width: number];

/**
 * The points of all levels as boxes of the level's size around them. torchvision's points are the upper left corners of
 * the
 * cells, a stride being the whole quotient of batch and level; mmdetection's are the centres of cells of a fixed
 * stride.
 */
export const pointCells = ({
  flavour,
  sizes,
  strides,
}: Pick<FcosConfig, 'flavour' | 'sizes' | 'strides'>): PriorGrid =>
  flavour === 'mmdet'
    ? centreCells({ strides, sizes })
    : anchorCells({ sizes: sizes.map((size) => [size]), ratios: sizes.map(() => [1]) });

/**
 * {@link pointCells} of a batch.
 * @param levels [height, width] in cells per level, finest first
 * @param paddedSize [height, width] of the padded batch in pixels
 */
export const pointGrid = (
  levels: readonly Size[],
  paddedSize: Size,
  config: Parameters<typeof pointCells>[0],
): Priors => layPriors(levels, paddedSize, pointCells(config));
