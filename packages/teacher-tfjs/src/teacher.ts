import {
  type ChosenTap,
  chooseTaps,
  defineTeacher,
  KdError,
  tapsOption,
  type Teacher,
  teacherInput,
  type TeacherImages,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { candidates, mapsOf, sizeToTry } from './find-maps.js';
import type { Network } from './network.js';
import { inStep, openNetwork, RUN } from './open-network.js';

const schema = v.strictObject({
  /** The folder of a model, or its `model.json`. */
  model: v.pipe(v.string(), v.nonEmpty()),
  input: teacherInput('nhwc'),
  /** Names of nodes (of layers), with `*`; or `{ c3: "name" }`. Without it the last map of every stride. */
  taps: tapsOption,
});

export type TfjsInput = v.InferInput<typeof schema>;
export type TfjsOptions = v.InferOutput<typeof schema>;

/** A graph or layers model of TensorFlow.js as a teacher: its intermediate maps are the features. */
export const tfjs = defineTeacher<TfjsOptions, TfjsInput>({
  name: 'tfjs',
  apiVersion: 1,
  options: schema,
  create: async (options, { folder }) => {
    const { file, network, fingerprint, parameters } = await openNetwork(options.model, folder);
    try {
      checkSize(file, network, options);
      const wanted = candidates(network.names, options.taps);
      const found = await inStep(file, RUN, () =>
        mapsOf(network, wanted, { size: sizeToTry(options.input), layout: options.input.layout }),
      );
      const taps = chooseTaps(`teacher "tfjs", ${file},`, found, options.taps);
      return teacher(options, { network, taps, fingerprint, parameters, file });
    } catch (error) {
      network.dispose();
      throw error;
    }
  },
});

interface Parts {
  readonly network: Network;
  readonly taps: readonly ChosenTap[];
  readonly fingerprint: string;
  readonly parameters: number;
  readonly file: string;
}

function teacher({ input }: TfjsOptions, { network, taps, fingerprint, parameters, file }: Parts): Teacher {
  const mapOf = new Map(taps.map(({ name, map }) => [name, map]));
  return {
    name: 'tfjs',
    input,
    taps: taps.map(({ name, stride, channels }) => ({ name, stride, channels })),
    fingerprint,
    parameters,
    file,
    forward: async (images, wanted) => {
      const outputs = await inStep(file, RUN, () =>
        inBatches(
          network,
          images,
          wanted.map((name) => mapOf.get(name)!),
        ),
      );
      const maps = input.layout === 'nchw' ? outputs.map(channelsLast) : outputs;
      return { maps: Object.fromEntries(wanted.map((name, i) => [name, maps[i] as tf.Tensor4D])) };
    },
    dispose: () => network.dispose(),
  };
}

/** All images at once, or one after the other where the model is made for one. */
async function inBatches(network: Network, { data, shape }: TeacherImages, names: readonly string[]) {
  const [b, ...rest] = shape;
  if (network.input[0] !== 1 || b === 1) return runOn(network, data, shape, names);
  const length = data.length / b;
  const rows: tf.Tensor[][] = [];
  for (let i = 0; i < b; i++)
    rows.push(await runOn(network, data.subarray(i * length, (i + 1) * length), [1, ...rest], names));
  const whole = names.map((_, at) => tf.concat(rows.map((row) => row[at]!)));
  tf.dispose(rows);
  return whole;
}

async function runOn(network: Network, data: Float32Array, shape: readonly number[], names: readonly string[]) {
  const images = tf.tensor(data, [...shape]);
  try {
    return await network.run(images, names);
  } finally {
    images.dispose();
  }
}

/** [b, c, h, w] to [b, h, w, c]; takes the map over. */
function channelsLast(map: tf.Tensor): tf.Tensor {
  const turned = tf.transpose(map, [0, 2, 3, 1]);
  map.dispose();
  return turned;
}

function checkSize(file: string, { input }: Network, { input: rule }: TfjsOptions): void {
  const refuse = (why: string): never => {
    throw new KdError('TEACHER_INVALID', `${file} ${why}.`);
  };
  if (input.length !== 4) refuse(`reads [${input.join(', ')}], and no images [b, h, w, 3]. Take a model of images`);
  const [h, w] = rule.layout === 'nchw' ? [input[2], input[3]] : [input[1], input[2]];
  const channels = rule.layout === 'nchw' ? input[1] : input[3];
  if (channels !== null && channels !== 3)
    refuse(
      `reads [${input.join(', ')}], where ${rule.layout} images have 3 channels. Set layout of input to the other, or take a model of colour images`,
    );
  const [height, width] = rule.fixedSize ?? [undefined, undefined];
  for (const [side, own, given] of [
    ['height', h, height],
    ['width', w, width],
  ] as const)
    if (own !== null && own !== given)
      refuse(
        `reads images of ${side} ${own} alone, and input gives ${given ?? 'any'}. Set fixedSize: [${h ?? 'height'}, ${w ?? 'width'}] of input`,
      );
}
