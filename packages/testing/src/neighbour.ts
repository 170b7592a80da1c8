import { API_VERSION, definePlugin, type TapInfo } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

/**
 * A plain distiller that stands beside the one under test: it reads a tap of both models and the table of instances.
 */
export const neighbour = definePlugin({
  name: 'neighbour',
  apiVersion: API_VERSION,
  options: v.strictObject({}),
  requires: {},
  create: () => {
    let taps: readonly TapInfo[] = [];
    return {
      featureTap: (requests) => void (taps = requests.of('student', '*').slice(0, 1)),
      lossCompose: (step) =>
        tf.tidy(() => ({
          tap: tf.mean(tf.square(step.student.tap(taps[0]!))) as tf.Scalar,
          positives: tf.mul(tf.sum(step.instances.mask), 0.001) as tf.Scalar,
        })),
    };
  },
});
