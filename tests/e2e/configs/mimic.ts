// The plugin of the README, as it stands there.
import { definePlugin, type TapPair } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

export default definePlugin({
  name: 'mimic',
  apiVersion: 1,
  options: v.strictObject({ weight: v.optional(v.number(), 1) }), // any Standard Schema
  requires: {},
  create: (_scope, { weight }) => {
    let pairs: readonly TapPair[] = [];
    return {
      featureTap: (taps) => void (pairs = taps.pair('neck@*', { channels: 'equal' })),
      lossCompose: ({ student, teacher }) => ({
        feat: tf.mul(
          weight,
          tf.addN(
            pairs.map((pair) => tf.mean(tf.squaredDifference(student.tap(pair.student), teacher.tap(pair.teacher)))),
          ),
        ),
      }),
    };
  },
});
