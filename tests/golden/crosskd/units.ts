import { alignScale, inverse, softKl, softQualityFocal, weightedSum } from '@kd/plugin-crosskd';
import { pkdLoss } from '@kd/plugin-pkd';
import { bceWithLogits, decodeBoxes, decodeDistances, giouLoss, iouLogLoss } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { oneOf, only } from '../support/index.js';
import type { UnitCase } from './index-file.js';

type Inputs = Readonly<Record<string, tf.Tensor>>;

export interface Unit {
  /** The input that gradients are taken of. */
  readonly of: string;
  /** The scalar loss, or the output that is multiplied by `upstream`. */
  readonly run: (inputs: Inputs, params: UnitCase['params']) => tf.Tensor;
}

/** Weighted sum over a denominator; without one the mean over all elements of a row. */
function averaged(
  perRow: tf.Tensor,
  { weight = null }: { weight?: tf.Tensor | null },
  { avg_factor, loss_weight = 1 }: UnitCase['params'],
  elements = 1,
): tf.Tensor {
  const sum = tf.mul(weightedSum(perRow, weight), loss_weight);
  return typeof avg_factor !== 'number' ? tf.div(sum, perRow.size * elements) : tf.mul(sum, inverse(avg_factor));
}

const map = (tensor: tf.Tensor | undefined): tf.Tensor4D => tensor as tf.Tensor4D;
const boxes = (loss: (pred: tf.Tensor, target: tf.Tensor, eps: number) => tf.Tensor): Unit => ({
  of: 'pred',
  run: (x, params) => averaged(loss(x['pred']!, x['target']!, params.eps ?? 1e-6), x, params),
});

/** By the beginning of a case's name. */
export const UNITS: Readonly<Record<string, Unit>> = {
  qfl: {
    of: 'pred',
    run: (x, params) =>
      averaged(softQualityFocal(x['pred']!, x['target']!, { beta: params.beta! }), x, params, x['pred']!.shape[1]!),
  },
  kl: {
    of: 'pred',
    run: (x, params) =>
      averaged(
        softKl(x['pred']!, x['target']!, {
          temperature: params.temperature!,
          bins: oneOf('class_reduction', params.class_reduction, ['sum', 'mean']),
        }),
        x,
        params,
      ),
  },
  giou: boxes((pred, target, eps) => giouLoss(pred, target, { eps, floor: true })),
  iou_log: boxes((pred, target, eps) => {
    only('eps', eps, 1e-6);
    return iouLogLoss(pred, target);
  }),
  centerness_bce: { of: 'pred', run: (x, params) => averaged(bceWithLogits(x['pred']!, x['target_prob']!), x, params) },
  align_scale: {
    of: 'student',
    run: (x, { eps = 1e-6 }) => {
      only('eps', eps, 1e-6);
      return alignScale(map(x['student']), map(x['teacher']));
    },
  },
  pkd: {
    of: 'student',
    run: (x, { loss_weight = 1, eps = 1e-6 }) =>
      tf.mul(pkdLoss(map(x['student']), map(x['teacher']), { eps }), loss_weight),
  },
  decode_delta: {
    of: 'delta',
    run: (x, { stds, max_log_ratio, means = [0, 0, 0, 0] }) => {
      only('means', means, [0, 0, 0, 0]);
      const [a, b, c, d] = stds!.map((std) => 1 / std) as [number, number, number, number];
      return decodeBoxes(x['delta']!, x['anchors']!, {
        weights: [a, b, c, d],
        clip: max_log_ratio!,
        clipBelow: -max_log_ratio!,
      });
    },
  },
  decode_distance: {
    of: 'dist',
    run: (x) => decodeDistances(x['dist']!, tf.concat([x['points']!, x['points']!], 1), { normalizeBySize: false }),
  },
};

/** The unit whose name the case's begins with, the longest one. */
export function unitOf(id: string): Unit {
  const name = Object.keys(UNITS)
    .filter((one) => id === one || id.startsWith(`${one}_`))
    .sort((a, b) => b.length - a.length)[0];
  if (name === undefined)
    throw new Error(`no function is known for the unit case "${id}"; there are ${Object.keys(UNITS).join(', ')}`);
  return UNITS[name]!;
}
