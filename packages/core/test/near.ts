import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { API_VERSION } from '../src/contract/plugin.js';
import { definePlugin } from '../src/define.js';
import { comparedMaps, type NeckPair, neckPairs } from '../src/plugins/neck-pairs.js';

const options = v.strictObject({
  taps: v.optional(v.union([v.string(), v.array(v.string())])),
  /** A pass before every epoch that looks at the teacher's maps. */
  pass: v.optional(v.boolean(), false),
});

/** Means of the teacher's maps that the passes of all have seen. */
export const seenInPasses: number[] = [];

/** A distiller of features alone: the student's maps through an adapter, cell by cell. */
export const near = definePlugin<v.InferOutput<typeof options>, v.InferInput<typeof options>>({
  name: 'near',
  apiVersion: API_VERSION,
  options,
  requires: {},
  create: (scope, { taps, pass }) => {
    let pairs: readonly NeckPair[] = [];
    return {
      featureTap: (requests) => void (pairs = neckPairs(scope, requests, { taps, adapter: {}, pooled: true })),
      lossCompose: (step) => ({
        feat: tf.addN(
          comparedMaps(scope.id, step, pairs).map(({ student, teacher }) =>
            tf.mean(tf.squaredDifference(student, teacher)),
          ),
        ) as tf.Scalar,
      }),
      ...(pass && {
        datasetPass: {
          every: 1,
          run: async (view) => {
            for await (const { images } of view.batches([0, 1, 2])) {
              const output = view.forward(
                'teacher',
                images,
                pairs.map((pair) => pair.teacher),
              );
              for (const pair of pairs)
                seenInPasses.push(tf.tidy(() => tf.mean(output.taps[pair.teacher.name]!).dataSync()[0]!));
            }
            return new Map();
          },
          use: () => {},
        },
      }),
    };
  },
});
