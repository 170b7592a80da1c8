// The second plugin of docs/writing-a-plugin.md, as it stands there.
import { definePlugin, neckStrides } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

/**
 * Objects count as much as the teacher believes in them: for its own term, and for the terms of every plugin that reads
 * the weights.
 */
export const trust = definePlugin({
  name: 'trust',
  apiVersion: 1,
  options: v.strictObject({}),
  requires: { student: ['dense'], teacher: ['dense'] },
  create: (scope) => ({
    headForward: ({ instances, teacher, weights }) =>
      tf.tidy(() => {
        const { logits } = teacher.ofInstances; // [b, n, k]
        const own = tf.oneHot(instances.labels, logits.shape[2]); // labels are 0 where the mask is
        const trust = tf.mul(tf.sum(tf.mul(tf.sigmoid(logits), own), -1), instances.mask) as tf.Tensor2D;
        weights.set({ levels: neckStrides(scope.student).map(() => trust), response: trust });
      }),
    lossCompose: ({ instances, student, teacher, weights }) =>
      tf.tidy(() => {
        const gap = tf.mean(tf.squaredDifference(student.ofInstances.logits, teacher.ofInstances.logits), -1); // [b, n]
        const count = tf.maximum(tf.sum(instances.mask), 1);
        return { cls: tf.div(tf.sum(tf.mul(gap, weights.get()!.response)), count) as tf.Scalar };
      }),
  }),
});
