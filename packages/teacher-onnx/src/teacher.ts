import { resolve } from 'node:path';
import { chooseTaps, defineTeacher, FREE_SIZE, type Teacher } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { checkRule } from './check-rule.js';
import { findMaps } from './find-maps.js';
import type { ListedMap } from './maps/list-maps.js';
import { imageInput } from './model/image-input.js';
import { openModel } from './model/open-model.js';
import { teacherError } from './model/teacher-error.js';
import { type OnnxInput, type OnnxOptions, optionsSchema } from './options.js';
import { createRunner, type RunTensor } from './runner.js';

/** Any tensors of a file of ONNX as taps, on onnxruntime. */
export const onnx = defineTeacher<OnnxOptions, OnnxInput>({
  name: 'onnx',
  apiVersion: 1,
  options: optionsSchema,
  create: async (options, { folder }): Promise<Teacher> => {
    const { input: rule, model: file } = options;
    const model = await openModel(resolve(folder, file), file);
    const input = imageInput(model, options.images, rule.layout === 'nchw' ? 'NCHW' : 'NHWC');
    checkRule(options, input);
    const maps = await findMaps(model, input, rule.fixedSize ?? [FREE_SIZE, FREE_SIZE], options);
    const chosen = chooseTaps(
      `teacher "onnx" (${file})`,
      maps.map(({ tensor: name, stride, channels }) => ({ name, stride, channels })),
      options.taps,
    );
    const byTensor = new Map(maps.map((one) => [one.tensor, one]));
    const byTap = new Map(chosen.map((tap) => [tap.name, byTensor.get(tap.map)!]));
    const runner = createRunner(model, input, options.threads);
    return {
      name: 'onnx',
      input: rule,
      taps: chosen.map(({ name, stride, channels }) => ({ name, stride, channels })),
      fingerprint: model.fingerprint,
      parameters: model.parameters,
      file,
      // Without the option the choice is the inspection's: a run keeps what it was.
      config: { ...options, taps: Object.fromEntries(chosen.map(({ name, map }) => [name, map])) },
      async forward(images, wanted) {
        const read = wanted.map((name) => byTap.get(name)!);
        const found = await runner.run(images, read);
        const [height, width] = rule.layout === 'nchw' ? images.shape.slice(2) : images.shape.slice(1);
        return {
          maps: tf.tidy(() =>
            Object.fromEntries(
              wanted.map((name, index) => [name, asMap(file, read[index]!, found[index]!, [height!, width!])]),
            ),
          ),
        };
      },
      dispose: () => runner.dispose(),
    };
  },
});

/** [b, h, w, c]; tokens without those that come first, a row of patches after the other. */
function asMap(
  file: string,
  { tensor, layout, stride, skip, channels }: ListedMap,
  { data, shape }: RunTensor,
  [height, width]: readonly [number, number],
): tf.Tensor4D {
  if (layout !== 'tokens') return tf.tensor4d(data, shape as [number, number, number, number], 'float32');
  const [batch = 0, count = 0] = shape;
  const [h, w] = [Math.floor(height / stride), Math.floor(width / stride)];
  if (count - skip !== h * w)
    throw teacherError(
      file,
      `the tap ${tensor} has ${count} tokens for an image of ${height} × ${width}, where ${skip} and ${h} × ${w} patches of ${stride} are expected`,
      'Give images of the size that it was exported for (input.fixedSize), or say in maps how many tokens come first (skip).',
    );
  const tokens = tf.tensor3d(data, [batch, count, channels], 'float32');
  const patches = skip === 0 ? tokens : tf.slice(tokens, [0, skip, 0], [batch, h * w, channels]);
  return tf.reshape(patches, [batch, h, w, channels]);
}
