import { definePlugin, neckPairs, type NeckPair, pairMaps } from '@kd/core';
import { detach } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

/** Cells count as much as a helper, which sees the teacher's features alone, expects the student to be wrong there. */
export const doubted = definePlugin({
  name: 'doubted',
  apiVersion: 1,
  options: v.strictObject({}),
  requires: {},
  create(scope) {
    const helper = scope.variables({ optimizer: { name: 'adamw', lr: 1e-3 }, clipNorm: 0.01 });
    let pairs: readonly NeckPair[] = [];
    let guess: tf.Tensor2D;
    return {
      featureTap: (taps) => {
        pairs = neckPairs(scope, taps, { adapter: null, pooled: false });
        guess = helper.variable('guess', tf.zeros([pairs[0]!.teacher.channels, 1])) as tf.Tensor as tf.Tensor2D;
      },
      lossCompose: (step) =>
        tf.tidy(() => {
          const { students, teachers } = pairMaps(step, pairs);
          const error = tf.mean(tf.squaredDifference(students[0]!, teachers[0]!), -1, true); // [b, h, w, 1]
          const rows = tf.reshape(teachers[0]!, [-1, guess.shape[0]!]);
          const guessed = tf.reshape(tf.softplus(tf.matMul(rows, guess)), error.shape);
          return {
            // The guess goes to the error, the error not to the guess.
            helper: step.ownOnly(tf.mean(tf.squaredDifference(guessed, error)) as tf.Scalar),
            feat: tf.mean(tf.mul(error, detach(guessed))) as tf.Scalar,
          };
        }),
    };
  },
});
