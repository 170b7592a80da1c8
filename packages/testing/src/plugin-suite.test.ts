import { API_VERSION, definePlugin, type TapPair } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { neighbour } from './neighbour.js';
import { testPlugin } from './plugin-suite.js';
import { toyDetector } from './toy-detector.js';

const options = v.strictObject({ weight: v.optional(v.number(), 1) });

/**
 * Uses what the neighbour does not: pairs, an adapter, a helper with an optimiser of its own, a state, random numbers,
 * a pass over the data, the weight channel.
 */
const full = definePlugin<v.InferOutput<typeof options>, v.InferInput<typeof options>>({
  name: 'full',
  apiVersion: API_VERSION,
  options,
  requires: { student: ['dense'] },
  create: (scope, { weight }) => {
    let pairs: readonly TapPair[] = [];
    let adapter: tf.Variable | undefined;
    const own = scope.variables({ optimizer: { name: 'adamw', lr: 0.1 }, clipNorm: 0.01 });
    const gain = own.variable('gain', tf.scalar(2));
    let mean = 0;
    let steps = 0;
    return {
      featureTap: (taps) => {
        pairs = taps.pair('neck@*', { channels: 'any' });
        const { student, teacher } = pairs[0]!;
        adapter = scope.variable('adapter', tf.fill([1, 1, student.channels, teacher.channels], scope.rng.normal()));
      },
      datasetPass: {
        every: 0,
        run: async (view) => {
          let images = 0;
          for await (const { batch } of view.batches()) images += batch.shape[0];
          return new Map([['images', { dtype: 'I32', shape: [], data: Int32Array.of(images) }]]);
        },
        use: (result) => void (mean = (result.get('images')!.data as Int32Array)[0]!),
      },
      headForward: (step) =>
        tf.tidy(() => step.weights.set({ levels: [], response: tf.add(step.instances.mask, mean) as tf.Tensor2D })),
      lossCompose: (step) =>
        tf.tidy(() => {
          steps++;
          const terms = pairs.map(({ student, teacher }) =>
            tf.mean(
              tf.square(
                tf.sub(
                  tf.conv2d(step.student.tap(student), adapter as tf.Tensor as tf.Tensor4D, 1, 'same'),
                  step.teacher.tap(teacher),
                ),
              ),
            ),
          );
          const guess = tf.mul(gain, tf.mean(step.teacher.tap(pairs[0]!.teacher)));
          return {
            helper: step.ownOnly(tf.squaredDifference(guess, tf.mean(step.student.tap(pairs[0]!.student)))),
            feat: tf.mul(
              tf.mul(tf.addN(terms), tf.mul(gain, tf.mean(step.weights.get()!.response))),
              tf.mul(weight * steps, tf.add(1, step.rng.uniform([]))),
            ) as tf.Scalar,
          };
        }),
      state: () => new Map([['steps', { dtype: 'I32', shape: [], data: Int32Array.of(steps) }]]),
      restore: (state) => void (steps = (state.get('steps')!.data as Int32Array)[0]!),
    };
  },
});

testPlugin(full, { options: { weight: 2 }, teacher: toyDetector({ width: 6 }), twice: false });
testPlugin(neighbour, { twice: true });

/** Its terms count from the fifth step on. */
const late = definePlugin({
  ...neighbour.definition,
  name: 'late',
  create: (scope, own) => ({
    ...neighbour.definition.create(scope, own),
    schedule: ({ step }) => (step < 4 ? 0 : 1),
  }),
});
testPlugin(late);
