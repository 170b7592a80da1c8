import * as tf from '@tensorflow/tfjs-core';
import {
  defineDetector,
  API_VERSION,
  createRng,
  gatherMatched,
  gatherRows,
  type DetectorOutput,
  type Detector,
  type RegionHead,
  type RegionOutput,
  type RegionStep,
  type SecondStage,
  type Targets,
  tidy,
} from '@kd/core';
import { toyDetector, type ToyInput, type ToyOptions } from './toy-detector.js';

/** Priors that the second stage trains on beside the objects, at most. */
const PROPOSALS = 8;

/** Bins of a pooled region along each side. */
const BINS = 2;

/**
 * The toy detector with a second stage: regions are the objects and the first priors, pooled from the finest level and
 * classified by one
 * matrix. Made for tests of what a plugin does with regions.
 */
export const toyTwoStage = defineDetector<ToyOptions, ToyInput>({
  name: 'toy-two-stage',
  apiVersion: API_VERSION,
  options: toyDetector.definition.options,
  create: (options, context) => {
    const { dense: _dense, head: _head, ...first } = toyDetector.definition.create(options, context);
    const classes = context.categories.length + 1;
    const rng = createRng(context.seed, 'second');
    const initial = Float32Array.from({ length: options.width * classes }, () => rng.normal() * 0.5);
    const kernel = tf.tidy(() => tf.variable(tf.tensor2d(initial, [options.width, classes]), true));
    const secondStage: SecondStage = {
      background: 0,
      head: stagedHead(options.width, kernel),
      sample: (_output, priors, assignment, targets) => tidy(() => sample(priors.boxes, assignment.matched, targets)),
      run: (output, boxes) => tidy(() => run(output, boxes, kernel)),
    };
    return {
      ...first,
      name: 'toy-two-stage',
      capabilities: new Set(['roi.align', 'head.staged']),
      variables: [...first.variables, { path: 'second.fc/kernel', variable: kernel, trainable: true }],
      secondStage,
      terms: (output, priors, assignment, targets, second) => ({
        ...first.terms(output, priors, assignment, targets),
        box: classLoss(second!, targets),
      }),
      dispose: () => {
        first.dispose();
        kernel.dispose();
      },
    } satisfies Detector;
  },
});

function sample(
  priors: tf.Tensor2D,
  matched: tf.Tensor2D,
  { boxes, mask }: Targets,
): ReturnType<SecondStage['sample']> {
  const [b, objects] = mask.shape;
  const a = priors.shape[0];
  const some = Math.min(PROPOSALS, a);
  const own = tf.where<tf.Tensor>(
    tf.greater(mask, 0),
    tf.tile(tf.expandDims(tf.range(0, objects, 1, 'int32'), 0), [b, 1]),
    tf.scalar(-2, 'int32'),
  );
  const proposals = tf.tile(tf.expandDims(tf.slice(priors, [0, 0], [some, 4]), 0), [b, 1, 1]) as tf.Tensor3D;
  return {
    boxes: tf.concat([boxes, proposals], 1),
    matched: tf.cast(tf.concat([own, tf.slice(matched, [0, 0], [b, some])], 1), 'int32') as tf.Tensor2D,
    maxPositives: objects + some,
    sampledPriors: tf.ones([b, a]),
  };
}

function run({ levels }: DetectorOutput, boxes: tf.Tensor3D, kernel: tf.Variable): RegionOutput {
  const [b, n] = boxes.shape;
  const map = levels[0]!;
  const [, height, width, channels] = map.shape;
  // No gradient flows into the boxes.
  // [b, n·bins·bins]
  const rows = tf.customGrad(() => ({ value: cellsOf(boxes, height, width), gradFunc: () => [] }))() as tf.Tensor2D;
  const features = tf.reshape(gatherRows(tf.reshape(map, [b, height * width, channels]), rows), [
    b,
    n,
    BINS,
    BINS,
    channels,
  ]) as tf.Tensor5D;
  const logits = tf.reshape(classify(tf.reshape(features, [b * n, BINS, BINS, channels]), kernel), [
    b,
    n,
    -1,
  ]) as tf.Tensor3D;
  return { features, levels: tf.zeros([b, n], 'int32'), logits, deltas: tf.zeros([b, n, logits.shape[2] * 4]) };
}

/** [r, s, s, c] -> [r, k + 1] */
const classify = (pooled: tf.Tensor4D, kernel: tf.Variable): tf.Tensor2D =>
  tf.matMul(tf.mean(pooled, [1, 2]) as tf.Tensor2D, kernel as tf.Tensor as tf.Tensor2D);

/** The matrix as a head without blocks. */
function stagedHead(width: number, kernel: tf.Variable): RegionHead {
  return {
    branches: ['box'],
    stages: [{ weight: 1 }],
    pooled: [BINS, BINS, width],
    depth: () => 0,
    run: (_branch, x, { to = 1 }) =>
      tidy((): Record<string, tf.Tensor4D> => {
        if (to === 0) return { feature: x };
        const logits = classify(x, kernel);
        const [r, columns] = logits.shape;
        return { logits: tf.reshape(logits, [r, 1, 1, columns]), deltas: tf.zeros([r, 1, 1, 4 * columns]) };
      }),
  };
}

/** The cell of the finest level in the middle of every bin. */
function cellsOf(boxes: tf.Tensor3D, height: number, width: number): tf.Tensor2D {
  const [b, n] = boxes.shape;
  const [x1, y1, x2, y2] = tf.split(boxes, 4, 2) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]; // [b, n, 1]
  const middles = tf.tensor1d(Array.from({ length: BINS }, (_, bin) => (bin + 0.5) / BINS));
  const cell = (low: tf.Tensor, high: tf.Tensor, size: number): tf.Tensor =>
    tf.clipByValue(tf.floor(tf.div(tf.add(low, tf.mul(tf.sub(high, low), middles)), 8)), 0, size - 1); // [b, n, bins]
  // [b, n, bins, bins]
  const at = tf.add(tf.mul(tf.expandDims(cell(y1, y2, height), 3), width), tf.expandDims(cell(x1, x2, width), 2));
  return tf.reshape(tf.cast(at, 'int32'), [b, n * BINS * BINS]);
}

/** Cross-entropy of the sampled regions. */
function classLoss({ regions: { matched }, output: { logits } }: RegionStep, targets: Targets): tf.Scalar {
  return tf.tidy(() => {
    const found = tf.greaterEqual(matched, tf.scalar(0, 'int32'));
    const labels = tf.mul(
      tf.add(gatherMatched(targets.labels, matched), tf.scalar(1, 'int32')),
      tf.cast(found, 'int32'),
    );
    const there = tf.cast(tf.greater(matched, tf.scalar(-2, 'int32')), 'float32');
    const wanted = tf.mul(tf.cast(tf.oneHot(labels, logits.shape[2]), 'float32'), tf.expandDims(there, 2));
    return tf.div(tf.neg(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)))), tf.maximum(tf.sum(there), 1)) as tf.Scalar;
  });
}
