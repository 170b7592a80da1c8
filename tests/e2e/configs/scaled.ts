// The third plugin of docs/writing-a-plugin.md, as it stands there.
import { definePlugin, neckPairs, type NeckPair, pairMaps } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

/**
 * Squared differences in units of the teacher's mean square on that level, which is measured over some images before
 * the first step.
 */
export const scaled = definePlugin({
  name: 'scaled',
  apiVersion: 1,
  options: v.strictObject({ images: v.optional(v.number(), 500) }),
  requires: {},
  create(scope, { images: count }) {
    let pairs: readonly NeckPair[] = [];
    let scales: readonly number[] = []; // one a level
    return {
      featureTap: (taps) => void (pairs = neckPairs(scope, taps, { adapter: null, pooled: false })),
      datasetPass: {
        every: 0, // epochs; 0 is once
        async run(view) {
          const chosen = view.rng.shuffle(view.images.map((_, place) => place)).slice(0, count);
          const sums = pairs.map(() => 0);
          let batches = 0;
          for await (const { images } of view.batches(chosen)) {
            const { taps } = view.forward(
              'teacher',
              images,
              pairs.map(({ teacher }) => teacher),
            );
            pairs.forEach(({ teacher }, i) => {
              sums[i]! += tf.tidy(() => tf.mean(tf.square(taps[teacher.name]!)).dataSync()[0]!);
            });
            view.progress(++batches, Math.ceil(chosen.length / images.shape[0]));
          }
          return new Map([
            ['scales', { dtype: 'F32', shape: [sums.length], data: Float32Array.from(sums, (sum) => sum / batches) }],
          ]);
        },
        use: (result) => void (scales = Array.from(result.get('scales')!.data, Number)),
      },
      lossCompose: (step) =>
        tf.tidy(() => {
          const { students, teachers } = pairMaps(step, pairs);
          return {
            feat: tf.addN(
              students.map((map, i) => tf.div(tf.mean(tf.squaredDifference(map, teachers[i]!)), scales[i]!)),
            ) as tf.Scalar,
          };
        }),
    };
  },
});
