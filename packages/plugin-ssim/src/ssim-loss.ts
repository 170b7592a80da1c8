import { KdError, parseOptions } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { LossName } from './distance.js';
import { levelLoss } from './level-loss.js';
import { settingsSchema, type SsimOptions, type SsimSettings } from './settings.js';

/**
 * The structural distance of one level: the mean over images, cells and channels of (1 - SSIM)/2 (or of 1 - SSIM).
 * The teacher's map is a constant; the gradient of the student's map is exact and finished in the forward call.
 *
 * De Rijk et al., "Structural Knowledge Distillation for Object Detection", NeurIPS 2022.
 *
 * @param student [n, h, w, c]
 * @param teacher [n, h, w, c]
 * @param weights [n, h, w, 1], at least 0: the mean becomes Σ w·d / (c Σ w), and 0 when all are 0; not with padding
 *   `valid`
 * @throws KdError USAGE when the shapes do not fit, CONFIG_INVALID for options that do not
 */
export function ssimLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  options: SsimOptions = {},
  weights?: tf.Tensor4D,
): tf.Scalar {
  return featureLoss(student, teacher, 'ssim', parseOptions(settingsSchema, options, 'ssimLoss'), weights);
}

/**
 * {@link ssimLoss}, or the mean of |S - T| or (S - T)² after the same normalisation, with settings that have been
 * parsed.
 */
export function featureLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  loss: LossName,
  settings: SsimSettings,
  weights?: tf.Tensor4D,
): tf.Scalar {
  checkShapes(student, teacher, weights, loss === 'ssim' && settings.padding === 'valid');
  if (student.size === 0) return tf.sum(student);
  const op = tf.customGrad((x, save) => {
    const result = levelLoss(x as tf.Tensor4D, teacher, settings, { loss, weights });
    (save as tf.GradSaveFunc)([result.gradient, result.scale]);
    return {
      value: result.loss,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.mul(dy, saved[1]!)),
    };
  });
  return op(student) as tf.Scalar;
}

/**
 * The intermediate maps of one level by name, as tensors of the caller: norm_s, norm_t, mu_s, mu_t, luminance, ssim,
 * and
 * cs (equal exponents) or var_s, var_t, cov, contrast, structure.
 */
export function ssimIntermediates(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  options: SsimOptions = {},
): Record<string, tf.Tensor> {
  const settings = parseOptions(settingsSchema, options, 'ssimIntermediates');
  checkShapes(student, teacher, undefined, false);
  const seen: Record<string, tf.Tensor> = {};
  const { loss, gradient, scale } = levelLoss(student, teacher, settings, {
    watch: (name, map) => {
      seen[name] = tf.keep(tf.clone(map));
    },
  });
  tf.dispose([loss, gradient, scale]);
  return seen;
}

function checkShapes(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  weights: tf.Tensor4D | undefined,
  shrinks: boolean,
): void {
  const told = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
  if (told(teacher.shape) !== told(student.shape)) {
    const way =
      teacher.shape[3] === student.shape[3]
        ? 'resize one of them first'
        : "bring the student to the teacher's channels with a 1x1 convolution (adapter: 'conv1x1')";
    throw new KdError(
      'USAGE',
      `ssim: the student's map is ${told(student.shape)} and the teacher's ${told(teacher.shape)}; they must have one shape: ${way}.`,
    );
  }
  if (weights === undefined) return;
  if (shrinks)
    throw new KdError(
      'USAGE',
      'ssim: location weights need a result of the size of the map, which padding "valid" does not give; use "reflect" or "renorm".',
    );
  const wanted = [...student.shape.slice(0, 3), 1];
  if (told(weights.shape) !== told(wanted))
    throw new KdError(
      'USAGE',
      `ssim: the location weights of a map ${told(student.shape)} must be ${told(wanted)}, not ${told(weights.shape)}.`,
    );
}
