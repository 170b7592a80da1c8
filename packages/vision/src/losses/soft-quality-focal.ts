import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { chunksOf } from '../chunks.js';

/**
 * Soft quality focal loss per row, summed over the classes: `(softplus(x) - x p) · |sigmoid(x) - p|^beta` with p =
 * sigmoid(t)
 * (Li et al., "Generalized Focal Loss", 2020, with the teacher's scores as quality).
 *
 * The gradient flows through the gap, too, whose slope counts as 0 where x = t. It is finished in the forward call,
 * chunk by chunk.
 * @param logits [..., k] x
 * @param target [..., k] t, the teacher's logits: constants
 * @returns [...]
 * @throws KdError USAGE when the shapes differ
 */
export function softQualityFocal(
  logits: tf.Tensor,
  target: tf.Tensor,
  { beta = 1 }: { readonly beta?: number } = {},
): tf.Tensor {
  if (logits.shape.join() !== target.shape.join()) {
    throw new KdError(
      'USAGE',
      `Quality focal loss got logits [${logits.shape.join(', ')}] and targets [${target.shape.join(', ')}]: both need the same shape.`,
    );
  }
  const shape = logits.shape;
  const k = shape.at(-1)!;
  const rows = logits.size / k;
  return tf.customGrad((x, save) => {
    const [xs, ts] = [tf.reshape(x as tf.Tensor, [rows, k]), tf.reshape(target, [rows, k])];
    const chunks = chunksOf(rows, k).map(({ from, count }) =>
      tf.tidy(() => lossAndSlope(tf.slice(xs, [from, 0], [count, k]), tf.slice(ts, [from, 0], [count, k]), beta)),
    );
    (save as tf.GradSaveFunc)([tf.reshape(tf.concat(chunks.map(([, slope]) => slope)), shape)]);
    return {
      value: tf.reshape(tf.concat(chunks.map(([loss]) => loss)), shape.slice(0, -1)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.expandDims(dy, -1)),
    };
  })(logits);
}

/** Loss [n] and slope [n, k]. */
function lossAndSlope(x: tf.Tensor, t: tf.Tensor, beta: number): [tf.Tensor, tf.Tensor] {
  const score = tf.sigmoid(x);
  const goal = tf.sigmoid(t);
  const bce = tf.sub(tf.softplus(x), tf.mul(x, goal));
  const gap = tf.sub(score, goal);
  if (beta === 0) return [tf.sum(bce, 1), gap];
  const size = tf.abs(gap);
  const focus = beta === 1 ? size : tf.pow(size, beta);
  // |gap|^(beta - 1) · sign(gap) is 0 at 0 for every beta.
  const sharpening =
    beta === 1 ? tf.sign(gap) : tf.mul(tf.sign(gap), tf.mul(beta, tf.pow(tf.maximum(size, 1e-12), beta - 1)));
  const slope = tf.add(tf.mul(gap, focus), tf.mul(tf.mul(bce, sharpening), tf.mul(score, tf.sub(1, score))));
  return [tf.sum(tf.mul(bce, focus), 1), slope];
}
