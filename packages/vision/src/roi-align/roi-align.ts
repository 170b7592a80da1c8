import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { RunContext } from '../layers/conv-block.js';
import { adaptiveEntries } from './adaptive-entries.js';
import { fixedEntries } from './fixed-entries.js';
import type { Layout, Sampling } from './sampling.js';
import { type SparseEntries, sparseProduct } from './sparse-product.js';

export interface RoiAlignOptions {
  /** Bins a side, or [height, width]. */
  readonly outputSize: number | readonly [number, number];
  /**
   * Samples a bin and axis; 0 or less: as many as a bin has cells, rounded up.
   */
  readonly samplingRatio: number;
  /**
   * Takes half a cell off the coordinates, as pixels have their centres there; without it, regions are at least one
   * cell wide.
   */
  readonly aligned: boolean;
  /** The engine's native ops, where it has them. */
  readonly runOp?: RunContext['runOp'];
}

/**
 * RoIAlign (He et al., 2017, section 3): each region is cut into bins, and a bin is the mean of samples between the
 * cells. Samples more than one cell
 * outside of the map count as 0. The gradient flows into the map, not into the boxes.
 * @param x [b, h, w, c]
 * @param boxes [b, n, 4] x1 y1 x2 y2 in pixels
 * @param options.scale cells of the map a pixel, 1 / stride
 * @returns [b, n, bins, bins, c]
 * @throws KdError USAGE when map and boxes have different numbers of images
 */
export const roiAlign = (
  x: tf.Tensor4D,
  boxes: tf.Tensor3D,
  { scale, ...options }: RoiAlignOptions & { readonly scale: number },
): tf.Tensor5D =>
  roiAlignLevels([x], boxes, () => tf.zeros([boxes.shape[0], boxes.shape[1]], 'int32'), [scale], options);

/**
 * {@link roiAlign} of boxes on the level that each belongs to, all levels in one pass.
 * @param maps [b, h, w, c] a level
 * @param levels makes [b, n] int32, the index of a box's level
 * @param scales cells a pixel, of each level
 * @param areas the largest area in cells of a region on each level; default: any
 */
export function roiAlignLevels(
  maps: readonly tf.Tensor4D[],
  boxes: tf.Tensor3D,
  levels: () => tf.Tensor2D,
  scales: Layout['scales'],
  options: RoiAlignOptions,
  areas?: Layout['areas'],
): tf.Tensor5D {
  const [b, n] = boxes.shape;
  const c = maps[0]!.shape[3];
  for (const map of maps) {
    if (map.shape[0] === b && map.shape[3] === c) continue;
    throw new KdError(
      'USAGE',
      `RoIAlign got boxes of ${b} images and a map of [${map.shape.join(', ')}]: give one row of boxes an image, and levels of ${c} channels each.`,
    );
  }
  const size =
    typeof options.outputSize === 'number' ? ([options.outputSize, options.outputSize] as const) : options.outputSize;
  const sampling: Sampling = { size, ratio: options.samplingRatio, aligned: options.aligned };
  const layout = { ...layoutOf(maps, scales), ...(areas && { areas }) };
  return tf.tidy(() => {
    const cells = maps.map((map) => tf.reshape(map, [-1, c]) as tf.Tensor2D);
    const rows = b * n * size[0] * size[1];
    const entries = rows === 0 ? noEntries : sampling.ratio > 0 ? fixedEntries : adaptiveEntries;
    const pooled = sparseProduct(
      cells.length === 1 ? cells[0]! : tf.concat(cells, 0),
      rows,
      () => entries(boxes, levels(), layout, sampling),
      options.runOp,
    );
    return tf.reshape(pooled, [b, n, size[0], size[1], c]) as tf.Tensor5D;
  });
}

const noEntries = (): SparseEntries => ({ indices: tf.zeros([0, 2], 'int32'), weights: tf.zeros([0]) });

function layoutOf(maps: readonly tf.Tensor4D[], scales: Layout['scales']): Layout {
  const starts: number[] = [];
  let next = 0;
  for (const { shape } of maps) {
    starts.push(next);
    next += shape[0] * shape[1] * shape[2];
  }
  return { sides: maps.map(({ shape }) => [shape[1], shape[2]] as const), starts, scales };
}
