import { gatherRows, type StepView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/** Some instances of a batch, image after image. */
export interface SampledRows {
  /** [b, m] int32: rows of the table of instances */
  readonly rows: tf.Tensor2D;
  /** [b·m] 1 where there is an instance */
  readonly mask: tf.Tensor1D;
  /** [b·m] how far it can be trusted; undefined when no plugin says so */
  readonly weights: tf.Tensor1D | undefined;
}

/** At most `cap` instances of the batch, the same number of places an image, drawn by the step's random stream. */
export function sampleRows(
  { instances: { mask }, weights, rng }: Pick<StepView, 'instances' | 'weights' | 'rng'>,
  cap: number,
): SampledRows {
  const [b, n] = mask.shape;
  const m = Math.min(n, Math.max(1, Math.floor(cap / b)));
  const order = tf.add(1, rng.stream('instances').uniform([b, n]));
  const { values, indices } = tf.topk(tf.mul(mask, order), m);
  const flat = (x: tf.Tensor): tf.Tensor1D => tf.reshape(x, [b * m]);
  const response = weights.get()?.response;
  return {
    rows: indices as tf.Tensor2D,
    mask: flat(tf.cast(tf.greater(values, 0), 'float32')),
    weights: response && flat(gatherRows(response, indices as tf.Tensor2D)),
  };
}
