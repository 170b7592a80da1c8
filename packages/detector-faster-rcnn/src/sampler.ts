import type { StepRng } from '@kd/core';
import { scatterRows } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';

/** Rows of each image that may be drawn. */
export interface SampleCandidates {
  /** [b, n] bool */
  readonly positive: tf.Tensor2D;
  /** [b, n] bool */
  readonly negative: tf.Tensor2D;
}

export interface SampleSize {
  /** Rows an image. */
  readonly batchSize: number;
  /** Share of them that positives may fill; negatives fill the rest. */
  readonly positiveFraction: number;
}

/** Draws rows of each image. @returns [b, n] float32: 1 for a drawn row */
export type SampleRows = (
  stage: 'rpn' | 'roi',
  candidates: SampleCandidates,
  size: SampleSize,
  rng: StepRng,
) => tf.Tensor2D;

export const mostPositives = ({ batchSize, positiveFraction }: SampleSize): number =>
  Math.trunc(batchSize * positiveFraction);

/** Uniformly and without replacement, all on the device: the rows of the highest random numbers. */
export const randomRows: SampleRows = (_stage, { positive, negative }, size, rng) =>
  tf.tidy(() => {
    const [b, n] = positive.shape;
    if (n === 0) return tf.zeros<tf.Rank.R2>([b, 0]);
    const keys = rng.uniform([b, n]);
    const best = (of: tf.Tensor2D, count: number): { taken: tf.Tensor2D; rows: tf.Tensor2D } => {
      const { values, indices } = tf.topk(tf.where(of, keys, -1), Math.min(count, n));
      return { taken: tf.cast(tf.greaterEqual(values, 0), 'float32') as tf.Tensor2D, rows: indices as tf.Tensor2D };
    };
    const most = mostPositives(size);
    const first = most === 0 ? null : best(positive, most);
    // [b, 1]
    const found = first === null ? tf.zeros<tf.Rank.R2>([b, 1]) : (tf.sum(first.taken, 1, true) as tf.Tensor2D);
    const second = best(negative, size.batchSize);
    // [b, count]
    const room = tf.cast(tf.less(tf.range(0, second.rows.shape[1]), tf.sub(size.batchSize, found)), 'float32');
    const drawn = [
      ...(first === null ? [] : [first]),
      { rows: second.rows, taken: tf.mul(second.taken, room) as tf.Tensor2D },
    ];
    return drawn.map(({ rows, taken }) => scatterRows(rows, taken, n)).reduce((sum, one) => tf.add(sum, one));
  });
