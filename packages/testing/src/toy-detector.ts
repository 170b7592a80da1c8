import * as tf from '@tensorflow/tfjs-core';
import {
  API_VERSION,
  defineDetector,
  type Detector,
  type DetectorContext,
  type DetectorOutput,
  type ForwardOptions,
  KdError,
  type TapInfo,
  tidy,
  type VariableUpdate,
} from '@kd/core';
import * as v from 'valibot';
import { toyAssign, toyDecode, toyPriors } from './toy-boxes.js';
import { toyDetections } from './toy-detections.js';
import { toyTerms } from './toy-losses.js';
import { BRANCHES, LEVELS, STRIDES, ToyNetwork } from './toy-network.js';

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const options = v.strictObject({
  /** Channels of every feature. */
  width: v.optional(count, 4),
  /** Blocks of each branch of the head. */
  depth: v.optional(count, 1),
  /** Images are stretched to this square, in pixels; a multiple of 16. */
  size: v.optional(v.pipe(count, v.multipleOf(16)), 32),
  scoreThreshold: v.optional(fraction, 0.05),
  nmsThreshold: v.optional(fraction, 0.5),
  maxDetections: v.optional(count, 20),
});

export type ToyInput = v.InferInput<typeof options>;
export type ToyOptions = v.InferOutput<typeof options>;

/** How fast the running mean follows, as torch's batch norm. */
const MOMENTUM = 0.1;

/**
 * A dense detector of a few hundred weights that offers the whole contract: taps, a staged head, a running statistic,
 * assignment, terms and detections. Made for tests; it needs no backend but `cpu`.
 */
export const toyDetector = defineDetector<ToyOptions, ToyInput>({
  name: 'toy',
  apiVersion: API_VERSION,
  options,
  create: createToy,
});

function createToy({ width, depth, size, ...rule }: ToyOptions, { categories, seed }: DetectorContext): Detector {
  const network = new ToyNetwork({ width, depth, classes: categories.length }, seed);
  const taps: TapInfo[] = [
    { name: 'backbone.stem', stride: 4, channels: width },
    ...LEVELS.map((level, i) => ({ name: `neck@${level}`, stride: STRIDES[i]!, channels: width })),
    ...BRANCHES.flatMap((branch) =>
      Array.from({ length: depth }, (_, block) =>
        LEVELS.map((level, i) => ({ name: `head.${branch}.${block}@${level}`, stride: STRIDES[i]!, channels: width })),
      ),
    ).flat(),
  ];
  return {
    name: 'toy',
    capabilities: new Set(['dense', 'head.staged']),
    categories,
    input: {
      minSize: [size],
      maxSize: size,
      fixedSize: [size, size],
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      sizeDivisible: 16,
    },
    taps,
    variables: network.variables,
    dense: { boxes: 'delta', priorsPerCell: 1, coding: { strides: STRIDES, side: 'two strides' } },
    head: {
      branches: BRANCHES,
      depth: () => depth,
      run: (branch, x, { from = 0, to = depth + 1 }) => tf.tidy(() => network.run(branch, x, from, to)),
    },
    forward: (images, forwardOptions) => forward(network, taps, images, forwardOptions),
    priors: ({ predictions }) =>
      toyPriors(
        predictions['cls']!.map(({ shape }) => [shape[1], shape[2]]),
        STRIDES,
      ),
    decode: toyDecode,
    assign: toyAssign,
    terms: ({ predictions }, priors, assignment, targets) =>
      tf.tidy(() => toyTerms(flat(predictions['cls']!), flat(predictions['reg']!), priors, assignment, targets)),
    detect: async (output, sizes) => {
      const [scores, boxes] = tf.tidy(() => {
        const priors = toyPriors(
          output.predictions['cls']!.map(({ shape }) => [shape[1], shape[2]]),
          STRIDES,
        );
        return [tf.sigmoid(flat(output.predictions['cls']!)), toyDecode(flat(output.predictions['reg']!), priors)];
      });
      try {
        return toyDetections((await scores.data()) as Float32Array, (await boxes.data()) as Float32Array, sizes, rule);
      } finally {
        tf.dispose([scores, boxes]);
      }
    },
    dispose: () => network.dispose(),
  };
}

/** Levels [b, h, w, c] one after the other as [b, a, c]. */
const flat = (levels: readonly tf.Tensor4D[]): tf.Tensor3D =>
  tf.concat(
    levels.map((level) => tf.reshape(level, [level.shape[0], level.shape[1] * level.shape[2], level.shape[3]])),
    1,
  );

function forward(
  network: ToyNetwork,
  known: readonly TapInfo[],
  images: tf.Tensor4D,
  { training, taps: wanted = [] }: ForwardOptions,
): DetectorOutput {
  const unknown = wanted.find((name) => known.every((tap) => tap.name !== name));
  if (unknown !== undefined)
    throw new KdError(
      'TAP_UNKNOWN',
      `the toy detector has no tap "${unknown}"; it has ${known.map(({ name }) => name).join(', ')}.`,
    );
  return tidy(() => {
    const taps: Record<string, tf.Tensor4D> = {};
    const keep = (name: string, feature: tf.Tensor4D): void => {
      if (wanted.includes(name)) taps[name] = feature;
    };
    const raw = network.conv('backbone.stem', images, 4);
    const mean = training ? (tf.mean(raw, [0, 1, 2]) as tf.Tensor1D) : network.mean; // [c]
    const stem = tf.relu(tf.sub(raw, mean)) as tf.Tensor4D; // [b, h / 4, w / 4, c]
    keep('backbone.stem', stem);
    const p3 = tf.relu(network.conv('neck.p3', stem, 2));
    const p4 = tf.relu(network.conv('neck.p4', p3, 2));
    const levels = [p3, p4];
    const predictions: Record<string, tf.Tensor4D[]> = {};
    levels.forEach((level, i) => {
      keep(`neck@${LEVELS[i]!}`, level);
      for (const branch of BRANCHES) {
        const maps = network.run(branch, level, 0, network.depth + 1, (block, feature) =>
          keep(`head.${branch}.${block}@${LEVELS[i]!}`, feature),
        );
        (predictions[branch] ??= []).push(maps[branch]!);
      }
    });
    const updates: VariableUpdate[] = training
      ? [{ variable: network.mean, value: tf.add(tf.mul(network.mean, 1 - MOMENTUM), tf.mul(mean, MOMENTUM)) }]
      : [];
    return { taps, levels, predictions, updates };
  });
}
