import { comparedMaps, definePlugin, type NeckPair, neckPairs, termFactor, termSchedule } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

const options = v.strictObject({
  weight: v.optional(v.pipe(v.number(), v.minValue(0)), 1),
  adapter: v.optional(v.picklist(['none', 'conv1x1']), 'none'),
  schedule: termSchedule, // { start, stop, warmup, decay }
});

/** 1 less the cosine between the features of student and teacher: a mean over cells, a sum over levels. */
export const {{camel}} = definePlugin<v.InferOutput<typeof options>, v.InferInput<typeof options>>({
  name: '{{name}}',
  apiVersion: 1,
  options,
  requires: {},
  create(scope, { weight, adapter, schedule }) {
    let pairs: readonly NeckPair[] = [];
    return {
      featureTap: (taps) =>
        void (pairs = neckPairs(scope, taps, { adapter: adapter === 'none' ? null : {}, pooled: false })),
      lossCompose: (step) =>
        tf.tidy(() => {
          const levels = comparedMaps(scope.id, step, pairs).map(({ student, teacher }) =>
            tf.mean(tf.sub(1, tf.sum(tf.mul(direction(student), direction(teacher)), -1))),
          );
          return { feat: tf.mul(weight, tf.addN(levels)) };
        }),
      schedule: (progress) => termFactor(schedule, progress),
    };
  },
});
export default {{camel}};

/** [b, h, w, c]: every cell at length 1. What is added keeps the gradient of a cell of zeros finite. */
const direction = (map: tf.Tensor): tf.Tensor => tf.mul(map, tf.rsqrt(tf.add(tf.sum(tf.square(map), -1, true), 1e-6)));
