import type { TwoStageDetections } from '@kd/core';
import { inferredScales, levelEnds } from '@kd/vision';
import { columns } from './boxes.js';
import type { OnnxBuilder } from './builder.js';
import type { OnnxMap } from './network.js';

export interface Pyramid {
  /** Finest first. */
  readonly levels: readonly OnnxMap[];
  /** Cells a pixel, of each level. */
  readonly scales: readonly number[];
  readonly pooling: TwoStageDetections['pooling'];
}

export interface PooledRegions {
  /** [m, c, s, s], those of one level after the other. */
  readonly features: OnnxMap;
  /** What was computed of each, [m, …], in the order of the boxes. */
  inOrder(rows: string): string;
}

/** Cells a pixel, of levels of these strides. */
export function scalesOf(
  levels: readonly OnnxMap[],
  strides: readonly number[],
  images: OnnxMap,
  pooling: TwoStageDetections['pooling'],
): readonly number[] {
  if (pooling.strides === null && images.size !== null)
    return inferredScales(
      levels.map(({ size }) => size![0]),
      [images.size],
    );
  return (pooling.strides ?? strides).map((stride) => 1 / stride);
}

/**
 * RoIAlign of boxes on the levels that their sizes say.
 * @param boxes [m, 4]
 * @param image [m] int64
 */
export function pooledRegions(
  b: OnnxBuilder,
  boxes: string,
  image: string,
  { levels, scales, pooling }: Pyramid,
): PooledRegions {
  const { outputSize, samplingRatio, aligned } = pooling;
  const align = (level: number, rois: string, images: string): string =>
    b.node('RoiAlign', [levels[level]!.name, rois, images], {
      output_height: outputSize,
      output_width: outputSize,
      sampling_ratio: samplingRatio,
      spatial_scale: { float: scales[level]! },
      coordinate_transformation_mode: aligned ? 'half_pixel' : 'output_half_pixel',
    });
  const features = (name: string): OnnxMap => ({
    name,
    channels: levels[0]!.channels,
    size: [outputSize, outputSize],
  });
  if (levels.length === 1) return { features: features(align(0, boxes, image)), inOrder: (rows) => rows };

  const rows = rowsOfLevels(b, boxes, levelEnds(-Math.log2(scales[0]!), levels.length, pooling));
  const pooled = rows.map((own, level) => align(level, b.node('Gather', [boxes, own]), b.node('Gather', [image, own])));
  const order = b.node('Concat', rows, { axis: 0 });
  const places = b.node('Range', [b.ints([0], []), b.node('Size', [order]), b.ints([1], [])]);
  const back = b.node('ScatterElements', [order, order, places]);
  return {
    features: features(b.node('Concat', pooled, { axis: 0 })),
    inOrder: (computed) => b.node('Gather', [computed, back]),
  };
}

/** Indices of the boxes of each level, by the sides from which on a box belongs to the next one. */
function rowsOfLevels(b: OnnxBuilder, boxes: string, ends: readonly number[]): string[] {
  const [x1, y1, x2, y2] = columns(b, boxes); // [m, 1]
  const side = b.node('Sqrt', [b.node('Mul', [b.node('Sub', [x2, x1]), b.node('Sub', [y2, y1])])]);
  const above = ends.map((end) => b.node('GreaterOrEqual', [side, b.floats([end], [])]));
  const masks = [
    b.node('Not', [above[0]!]),
    ...above.map((one, i) => (above[i + 1] === undefined ? one : b.node('And', [one, b.node('Not', [above[i + 1]!])]))),
  ];
  return masks.map((mask) => b.node('Gather', [b.node('NonZero', [mask]), b.ints([0], [])]));
}
