import {
  createRng,
  type DetectorOutput,
  type Hooks,
  type ModelView,
  parseOptions,
  type PluginScope,
  silentLogger,
  type StepView,
  TapRegistry,
} from '@kd/core';
import crosskd, { type CrossKdInput } from '@kd/plugin-crosskd';
import * as tf from '@tensorflow/tfjs-core';
import { type GoldenTensors, only } from '../support/index.js';
import { goldenPriors, type HeadModel } from './heads.js';
import type { CrossCase, Role } from './index-file.js';
import { golden4d } from './tensors.js';

export interface Pair {
  readonly one: CrossCase;
  readonly tensors: GoldenTensors;
  readonly student: HeadModel;
  readonly teacher: HeadModel;
}

/** The plugin on the two heads, declared as core would. */
export function hooksOf({ one: { params }, student, teacher }: Pair, options: CrossKdInput = {}): Hooks {
  const models = { student: student.detector, teacher: teacher.detector };
  const { cls_weight: cls, reg_weight: reg, ctr_weight: ctr } = params;
  const own: CrossKdInput = {
    i: params.idx,
    beta: params.beta,
    // The reference's way with a batch without positives.
    parity: true,
    ...(params.temperature !== undefined && { temperature: params.temperature }),
    ...options,
    weights: { cls, reg, ...(ctr !== null && { ctr }), ...options.weights },
  };
  const scope = { id: 'crosskd', ...models, rng: createRng(0), logger: silentLogger } as unknown as PluginScope;
  const hooks = crosskd.definition.create(scope, parseOptions(crosskd.definition.options, own, 'crosskd'));
  hooks.featureTap!(new TapRegistry(models).for('crosskd'));
  return hooks;
}

/**
 * A step as core hands it out, with the case's assignment: labels, label weights and, of FCOS, the sum of the
 * centerness targets.
 */
export function stepOf(
  { one, tensors, student, teacher }: Pair,
  own: Pick<DetectorOutput, 'taps' | 'predictions'>,
  taught: DetectorOutput,
): StepView {
  const { classes, strides, detector } = one.params;
  const levels = strides.map(
    (_, level) => [tensors.get(`labels.${level}`), tensors.get(`label_weights.${level}`)] as const,
  );
  const rows = levels.map(([{ values, shape }, weights]) => ({
    values: Int32Array.from(values, (label, row) => (label < classes ? 0 : weights.values[row] === 0 ? -2 : -1)),
    shape: shape as [number, number],
  }));
  const matched = tf.concat(
    rows.map(({ values, shape }) => tf.tensor2d(values, shape, 'int32')),
    1,
  );
  const positive = tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32');
  const positives = tf.sum(positive, 1);
  const counts = Array.from({ length: matched.shape[0] }, (_, image) =>
    rows.reduce(
      (sum, { values, shape: [, n] }) =>
        sum + values.subarray(image * n, (image + 1) * n).filter((one) => one === 0).length,
      0,
    ),
  );
  only(
    'num_positive',
    one.num_positive,
    counts.reduce((sum, count) => sum + count, 0),
  );
  // FCOS divides by its centerness targets, which the case gives as their sum alone: 1e-6 of none.
  if (detector !== 'fcos' || one.num_positive === 0)
    only(
      'avg_factor',
      one.avg_factor,
      detector === 'fcos' ? 1e-6 : counts.reduce((sum, count) => sum + Math.max(count, 1), 0),
    );
  const view = (
    model: HeadModel,
    { taps, predictions }: Pick<DetectorOutput, 'taps' | 'predictions'>,
  ): Omit<ModelView, 'ofInstances'> => ({
    tap: (tap) => {
      const feature = taps[typeof tap === 'string' ? tap : tap.name];
      if (!feature) throw new Error(`tap ${JSON.stringify(tap)} was not made`);
      return feature;
    },
    predictions,
    head: model.head,
  });
  return {
    teacher: view(teacher, taught),
    student: view(student, own),
    priors: goldenPriors(strides, tensors),
    assignment: {
      matched,
      positives,
      ...(detector === 'fcos' && {
        centerness: tf.mul(positive, one.num_positive > 0 ? one.avg_factor / one.num_positive : 0),
      }),
    },
    targets: { paddedSize: one.params.image_hw },
  } as unknown as StepView;
}

export const sumOf = (terms: Readonly<Record<string, tf.Scalar>>): tf.Scalar =>
  Object.values(terms).reduce((sum, term) => tf.add(sum, term));

export const fpn = (pair: Pair, side: Role): tf.Tensor4D[] =>
  pair.one.params.strides.map((_, level) => golden4d(pair.tensors, `${side}_fpn.${level}`));
