import * as tf from '@tensorflow/tfjs-core';
import { type Assignment, gatherMatched, type Priors, type Targets } from '@kd/core';
import { toyEncode } from './toy-boxes.js';

/**
 * Binary cross-entropy of every class at every prior and squared error of the codes at the positive ones, each divided
 * by the
 * number of positives (at least 1).
 * @param logits [b, a, k]
 * @param codes [b, a, 4]
 */
export function toyTerms(
  logits: tf.Tensor3D,
  codes: tf.Tensor3D,
  priors: Priors,
  assignment: Assignment,
  targets: Targets,
): Readonly<Record<string, tf.Scalar>> {
  return tf.tidy(() => {
    const { matched } = assignment;
    const boxes = gatherMatched(targets.boxes, matched);
    const labels = gatherMatched(targets.labels, matched);
    const positives = tf.maximum(tf.sum(assignment.positives), 1);
    const positive = tf.expandDims(tf.cast(tf.greaterEqual(matched, 0), 'float32'), -1); // [b, a, 1]
    const wanted = tf.mul(tf.cast(tf.oneHot(labels, logits.shape[2]), 'float32'), positive); // [b, a, k]
    // softplus(x) - x * y, the stable form of the cross-entropy of a sigmoid
    const cls = tf.sum(tf.sub(tf.softplus(logits), tf.mul(logits, wanted)));
    const reg = tf.sum(tf.mul(tf.square(tf.sub(codes, toyEncode(boxes, priors))), positive));
    return { cls: tf.div(cls, positives) as tf.Scalar, reg: tf.div(reg, positives) as tf.Scalar };
  });
}
