import { checkSameMaps, pickMapClasses, type StepView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Heads } from './check-heads.js';
import { COUNT_EPSILON, instanceLogits, optionsOf } from './instance-kd.js';
import { kdLoss, type KdSettings } from './kd-loss.js';

/**
 * The class maps of both models on all priors but ignored ones, divided by the student's positives, of which every
 * image counts at least one.
 */
export function denseKd(id: string, step: StepView, heads: Heads, settings: KdSettings): tf.Scalar {
  const {
    assignment: { matched, positives },
    instances,
    weights,
  } = step;
  const { shared, classes } = heads;
  const [own, taught] = (['student', 'teacher'] as const).map((role) => {
    const maps = step[role].predictions['cls']!;
    return shared.same ? maps : maps.map((map) => pickMapClasses(map, shared[role], classes[role]));
  }) as [readonly tf.Tensor4D[], readonly tf.Tensor4D[]];
  const averageFactor = tf.add<tf.Scalar>(tf.sum(tf.maximum(positives, 1)), COUNT_EPSILON);
  const rows = (map: tf.Tensor4D): tf.Tensor => tf.reshape(map, [map.shape[0], -1, shared.student.length]); // [b, n, k]
  const options = optionsOf(settings);
  const counted = tf.split(
    tf.cast(tf.greater(matched, tf.scalar(-2, 'int32')), 'float32'),
    own.map((map) => rows(map).shape[1]!),
    1,
  );
  const levels = own.map((map, level) => {
    checkSameMaps(id, `${level} of the class scores`, map, taught[level]!);
    return kdLoss(rows(map), rows(taught[level]!), options, { mask: counted[level]!, averageFactor });
  });
  const response = weights.get()?.response;
  const rowsOfBoth = response && instanceLogits(step, heads);
  // What an instance counts besides the 1 that it has among all priors.
  const trust =
    rowsOfBoth &&
    kdLoss(rowsOfBoth.student, rowsOfBoth.teacher, options, {
      mask: instances.mask,
      weights: tf.sub(response, 1),
      averageFactor,
    });
  return tf.addN(trust ? [...levels, trust] : levels);
}
