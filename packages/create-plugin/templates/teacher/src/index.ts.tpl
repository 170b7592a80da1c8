import { API_VERSION, createRng, defineTeacher, tapsOption, chooseTaps, teacherInput } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

const options = v.strictObject({
  /** How images become its input: size, mean and std have to be said. */
  input: teacherInput('nhwc'),
  taps: tapsOption,
  channels: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 8),
});

/** Mixtures of the colours of every cell: what stands for a network of yours. */
export const {{camel}} = defineTeacher<v.InferOutput<typeof options>, v.InferInput<typeof options>>({
  name: '{{name}}',
  apiVersion: API_VERSION,
  options,
  create: ({ input, taps, channels }) => {
    const rng = createRng(1, '{{name}}');
    const kernel = tf.tensor2d(
      Array.from({ length: 3 * channels }, () => rng.normal()),
      [3, channels],
    );
    const maps = [8, 16, 32].map((stride) => ({ name: `c${Math.log2(stride)}`, stride, channels }));
    const chosen = chooseTaps('teacher "{{name}}"', maps, taps);
    return {
      name: '{{name}}',
      input,
      taps: chosen,
      fingerprint: `1 ${channels}`, // of a model with weights: a hash of its file
      forward: ({ data, shape }, wanted) => ({
        maps: tf.tidy(() => {
          const images = tf.tensor4d(data, [...shape]);
          const map = ({ stride }: (typeof chosen)[number]): tf.Tensor4D => {
            const cells = tf.avgPool(images, stride, stride, 'same');
            const [b, h, w] = cells.shape;
            return tf.reshape(tf.matMul(tf.reshape(cells, [-1, 3]), kernel), [b, h, w, channels]);
          };
          return Object.fromEntries(
            chosen.filter(({ name }) => wanted.includes(name)).map((tap) => [tap.name, map(tap)]),
          );
        }),
      }),
      dispose: () => kernel.dispose(),
    };
  },
});
export default {{camel}};
