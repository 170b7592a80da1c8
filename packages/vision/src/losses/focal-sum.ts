import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { chunksOf } from '../chunks.js';
import { oneHot } from '../one-hot.js';
import type { FocalOptions } from './focal.js';
import { power } from './focal.js';

/**
 * Sigmoid focal loss against class labels, summed per image (Lin et al., 2017): the sum over anchors and classes of
 * `sigmoidFocalLoss` with one-hot targets, without the targets ever being made. Value and slope are computed together,
 * chunk by chunk, so that maps of many anchors and classes are read once and their gradient is written once.
 * @param logits [b, n, k]
 * @param labels [b, n] int32: class index; -1 background: all targets 0; less: the anchor does not count
 * @returns [b]
 * @throws KdError USAGE when the shapes do not fit
 */
export function sigmoidFocalLossSum(
  logits: tf.Tensor3D,
  labels: tf.Tensor2D,
  { alpha = 0.25, gamma = 2 }: FocalOptions = {},
): tf.Tensor1D {
  const [b, n, k] = logits.shape;
  if (labels.shape[0] !== b || labels.shape[1] !== n) {
    throw new KdError(
      'USAGE',
      `Focal loss got logits [${logits.shape.join(', ')}] and labels [${labels.shape.join(', ')}]: labels have the first two axes of the logits.`,
    );
  }
  if (n === 0) return tf.zeros([b]);
  return tf.customGrad((x, save) => {
    const { perRow, slope } = lossAndSlope(
      tf.reshape(x as tf.Tensor, [b * n, k]),
      tf.reshape(labels, [b * n]),
      alpha,
      gamma,
    );
    (save as tf.GradSaveFunc)([tf.reshape(slope, [b, n, k])]);
    return {
      value: tf.sum(tf.reshape(perRow, [b, n]), 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.reshape(dy, [b, 1, 1])),
    };
  })(logits) as tf.Tensor1D;
}

/** Loss per row [r] and its slope [r, k]. */
function lossAndSlope(
  x: tf.Tensor2D,
  labels: tf.Tensor1D,
  alpha: number,
  gamma: number,
): { perRow: tf.Tensor; slope: tf.Tensor } {
  const [rows, k] = x.shape;
  const chunks = chunksOf(rows, k).map(({ from, count }) =>
    tf.tidy(() => chunkLossAndSlope(tf.slice(x, [from, 0], [count, k]), tf.slice(labels, from, count), alpha, gamma)),
  );
  return { perRow: tf.concat(chunks.map(([loss]) => loss)), slope: tf.concat(chunks.map(([, slope]) => slope)) };
}

function chunkLossAndSlope(x: tf.Tensor2D, labels: tf.Tensor1D, alpha: number, gamma: number): [tf.Tensor, tf.Tensor] {
  const [rows, k] = x.shape;
  const positive = tf.cast(tf.greaterEqual(labels, tf.scalar(0, 'int32')), 'float32');
  const counted = tf.cast(tf.greaterEqual(labels, tf.scalar(-1, 'int32')), 'float32');
  const negativeWeight = tf.mul(counted, alpha >= 0 ? 1 - alpha : 1);
  const positiveWeight = tf.mul(positive, alpha >= 0 ? alpha : 1);

  // As if every target were 0, which nearly all are …
  const negatives = binaryFocal(x, gamma);
  // … but for the one target of 1 in the row of a positive anchor.
  const target = tf.add(
    tf.mul(tf.range(0, rows, 1, 'int32'), tf.scalar(k, 'int32')),
    tf.maximum(labels, tf.scalar(0, 'int32')),
  );
  const own = tf.gather(tf.reshape(x, [rows * k]), target); // [r]
  const asPositive = binaryFocal(tf.neg(own), gamma, tf.sigmoid(own));
  const asNegative = binaryFocal(own, gamma).value;
  const change = tf.sub(tf.mul(asPositive.value, positiveWeight), tf.mul(asNegative, tf.mul(negativeWeight, positive)));
  const ownSlope = tf.expandDims(tf.neg(tf.mul(asPositive.slope, positiveWeight)), 1); // [r, 1]

  const loss = tf.add(tf.mul(tf.sum(negatives.value, 1), negativeWeight), change);
  return [
    loss,
    tf.where(oneHot(labels, k, 'bool'), ownSlope, tf.mul(negatives.slope, tf.expandDims(negativeWeight, 1))),
  ];
}

/**
 * Unweighted focal loss of target 0, `softplus(x) * p^gamma`, and its slope `p^gamma (p + gamma q softplus(x))`.
 * @param given q = 1 - p, where it is known better than by subtraction
 */
function binaryFocal(x: tf.Tensor, gamma: number, given?: tf.Tensor): { value: tf.Tensor; slope: tf.Tensor } {
  const p = tf.sigmoid(x);
  const bce = tf.softplus(x);
  if (gamma === 0) return { value: bce, slope: p };
  const focus = power(p, gamma);
  const value = tf.mul(bce, focus);
  const sharpening = tf.mul(tf.mul(value, given ?? tf.sub(1, p)), gamma);
  return { value, slope: tf.add(tf.mul(focus, p), sharpening) };
}
