import type { DetectorOutput, Targets } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** What CrossKD's end-to-end cases hold of the detector that they were run on. */
export interface CrossHeadCase {
  readonly id: string;
  readonly kind: 'cross_head';
  readonly file: string;
  readonly params: {
    readonly detector: string;
    readonly strides: number[];
    readonly channels: number;
    readonly classes: number;
    readonly groups: number;
    /** Finished blocks at the tap. */
    readonly idx: number;
    readonly conv_bias: boolean;
    readonly norm_on_bbox: boolean;
    readonly centerness_on_reg: boolean;
    readonly ranges: [number, number][];
    readonly image_hw: [number, number];
    /** [height, width] of each image, padded by itself */
    readonly pad_hw: [number, number][];
    readonly stacked_stu: number;
    readonly stacked_tea: number;
  };
  readonly gt: readonly { readonly boxes: number[][]; readonly labels: number[] }[];
  readonly level_hw: readonly [number, number][];
  readonly avg_factor: number;
  readonly num_positive: number;
  readonly expected: Readonly<Record<string, { readonly shape: readonly number[]; readonly atol: number }>>;
}

/** Levels of the case's sizes: all that priors read of an output. */
export const levelsOf = ({ level_hw, params }: Pick<CrossHeadCase, 'level_hw' | 'params'>): DetectorOutput =>
  ({ levels: level_hw.map(([h, w]) => tf.zeros([params.pad_hw.length, h, w, 1])), taps: {}, predictions: {}, updates: [] });

export function targetsOf({ gt, params }: Pick<CrossHeadCase, 'gt' | 'params'>): Targets {
  const most = Math.max(1, ...gt.map(({ boxes }) => boxes.length));
  const padded = <T>(rows: readonly T[], fill: T): T[] => [...rows, ...Array<T>(most - rows.length).fill(fill)];
  return {
    boxes: tf.tensor3d(gt.map(({ boxes }) => padded(boxes, [0, 0, 0, 0]))),
    labels: tf.tensor2d(gt.map(({ labels }) => padded(labels, 0)), undefined, 'int32'),
    mask: tf.tensor2d(gt.map(({ boxes }) => padded(boxes.map(() => 1), 0))),
    imageSizes: params.pad_hw,
    paddedSize: params.image_hw,
    ids: gt.map((_, image) => image),
  };
}
