import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { API_VERSION } from '../src/contract/plugin.js';
import { definePlugin } from '../src/define.js';

const options = v.strictObject({
  weight: v.optional(v.number(), 1),
  noise: v.optional(v.number(), 0),
  growth: v.optional(v.number(), 0.01),
  pass: v.optional(v.boolean(), false),
});
type Options = v.InferOutput<typeof options>;

/** Calls of the hooks, for tests that count them. */
export const calls: string[] = [];

/**
 * A distiller that uses most of the contract: pairs taps, owns an adapter, draws random numbers, keeps a state, may
 * pass
 * over the data set, and follows a schedule.
 */
export const mimic = definePlugin<Options, v.InferInput<typeof options>>({
  name: 'mimic',
  apiVersion: API_VERSION,
  options,
  requires: { student: ['dense'], teacher: ['dense'] },
  create: (scope, { weight, noise, growth, pass }) => {
    let pairs: ReturnType<Parameters<NonNullable<import('../src/contract/plugin.js').Hooks['featureTap']>>[0]['pair']> =
      [];
    let adapter: tf.Variable | undefined;
    let steps = 0;
    let scale = 1;
    return {
      featureTap: (taps) => {
        pairs = taps.pair('neck@*', { channels: 'any' });
        const [from, to] = [pairs[0]!.student.channels, pairs[0]!.teacher.channels];
        adapter = scope.variable(
          'adapter',
          tf.tensor4d(
            Float32Array.from({ length: from * to }, () => 0.3 * scope.rng.normal()),
            [1, 1, from, to],
          ),
          { lr: 0.5 },
        );
      },
      ...(pass
        ? {
            datasetPass: {
              every: 2,
              run: async (view) => {
                calls.push(`run ${scope.id} ${view.epoch}`);
                let sum = 0;
                let images = 0;
                for await (const { images: batch } of view.batches()) {
                  const output = view.forward('teacher', batch, [pairs[0]!.teacher]);
                  const mean = tf.tidy(() => tf.mean(output.taps[pairs[0]!.teacher.name]!));
                  sum += (await mean.data())[0]! * batch.shape[0];
                  images += batch.shape[0];
                  tf.dispose([
                    mean,
                    output.taps,
                    ...output.levels,
                    output.predictions as unknown as tf.TensorContainer,
                  ]);
                }
                return new Map([['mean', { dtype: 'F32' as const, shape: [1], data: Float32Array.of(sum / images) }]]);
              },
              use: (result) => {
                calls.push(`use ${scope.id}`);
                scale = 1 + (result.get('mean')!.data as Float32Array)[0]!;
              },
            },
          }
        : {}),
      lossCompose: (step) => {
        steps++;
        return tf.tidy(() => {
          const terms = pairs.map(({ student, teacher }) => {
            const adapted = tf.conv2d(step.student.tap(student), adapter as tf.Tensor as tf.Tensor4D, 1, 'same');
            return tf.mean(tf.square(tf.sub(adapted, step.teacher.tap(teacher))));
          });
          const jitter = tf.add(1, tf.mul(noise, step.rng.normal([])));
          return { feat: tf.mul(tf.mul(tf.addN(terms), jitter), weight * scale * (1 + growth * steps)) as tf.Scalar };
        });
      },
      schedule: ({ fraction }) => 1 - fraction / 2,
      state: () => new Map([['steps', { dtype: 'I32' as const, shape: [], data: Int32Array.of(steps) }]]),
      restore: (state) => void (steps = (state.get('steps')!.data as Int32Array)[0]!),
      dispose: () => void calls.push(`dispose ${scope.id}`),
    };
  },
});
