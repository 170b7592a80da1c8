import { createRng, defineTeacher, type Teacher, teacherInput } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

const schema = v.strictObject({
  input: v.optional(teacherInput('nhwc'), { fixedSize: [64, 64], mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] }),
  /** Pixels of the input per cell of its taps. */
  strides: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(1))), [8, 16]),
  channels: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 5),
  seed: v.optional(v.number(), 0),
});

/** A teacher that has features alone, with an input rule of its own: 64 x 64 pixels, whatever the image. */
export const toyTeacher = defineTeacher<v.InferOutput<typeof schema>, v.InferInput<typeof schema>>({
  name: 'toy-features',
  apiVersion: 1,
  options: schema,
  create: ({ input, strides, channels, seed }): Teacher => {
    const rng = createRng(seed, 'toy-features');
    const kernel = tf.tensor2d(
      Float32Array.from({ length: 3 * channels }, () => rng.normal()),
      [3, channels],
    );
    return {
      name: 'toy-features',
      input,
      taps: strides.map((stride) => ({ name: `map${stride}`, stride, channels })),
      fingerprint: `toy ${seed}`,
      parameters: kernel.size,
      // Means of the cells, each a mixture of the colours.
      forward: async ({ data, shape }, wanted) => ({
        maps: tf.tidy(() => {
          const read = tf.tensor4d(data, [...shape]);
          const images = input.layout === 'nchw' ? tf.transpose(read, [0, 2, 3, 1]) : read;
          return Object.fromEntries(
            wanted.map((name) => {
              const stride = Number(name.slice('map'.length));
              const cells = tf.avgPool(images, stride, stride, 'same');
              const [b, h, w] = cells.shape;
              const mixed = tf.matMul(tf.reshape(cells, [b * h * w, 3]), kernel);
              return [name, tf.tanh(tf.reshape(mixed, [b, h, w, channels])) as tf.Tensor4D];
            }),
          );
        }),
      }),
      dispose: () => kernel.dispose(),
    };
  },
});
