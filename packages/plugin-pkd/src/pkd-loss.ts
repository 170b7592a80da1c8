import { KdError, parseOptions } from '@kd/core';
import { resizeBilinear } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { levelLoss } from './level-loss.js';
import { lossSchema, type LossSettings, type PkdLossOptions } from './settings.js';

/**
 * Pearson imitation of one level: every channel of both maps is standardised over images and cells (Bessel's deviation
 * plus
 * `eps`), then half the mean squared difference, which is `(1 - r) (m - 1)/m` for m cells and the channels' mean
 * correlation r.
 * The teacher's map is a constant; the student's gradient is exact and finished in the forward call. A level of a
 * single cell
 * has no deviation and gives 0.
 *
 * Cao et al., "PKD: General Distillation Framework for Object Detectors via Pearson Correlation Coefficient", NeurIPS
 * 2022.
 *
 * @param student [n, h, w, c]
 * @param teacher [n, h, w, c]; of another height and width it is met by `resize`
 * @throws KdError USAGE when the shapes do not fit, CONFIG_INVALID for options that do not
 */
export function pkdLoss(student: tf.Tensor4D, teacher: tf.Tensor4D, options: PkdLossOptions = {}): tf.Scalar {
  return featureLoss(student, teacher, parseOptions(lossSchema, options, 'pkdLoss'));
}

/** {@link pkdLoss} with settings that have been parsed. */
export function featureLoss(
  student: tf.Tensor4D,
  teacher: tf.Tensor4D,
  { eps, resize, weight }: LossSettings,
): tf.Scalar {
  checkShapes(student, teacher, resize);
  return tf.tidy(() => {
    const s = resize === 'student' ? resizeBilinear(student, teacher.shape[1], teacher.shape[2]) : student;
    const t = resize === 'teacher' ? resizeBilinear(teacher, student.shape[1], student.shape[2]) : teacher;
    // One cell, or none, has no deviation; its gradient is a zero, not a missing one.
    if (s.size <= s.shape[3]) return tf.sum(tf.mul(s, 0)) as tf.Scalar;
    const op = tf.customGrad((x, save) => {
      const { loss, gradient } = levelLoss(x as tf.Tensor4D, t, eps);
      (save as tf.GradSaveFunc)([gradient]);
      return { value: loss, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, dy) };
    });
    return tf.mul(op(s) as tf.Scalar, weight);
  });
}

function checkShapes(student: tf.Tensor4D, teacher: tf.Tensor4D, resize: LossSettings['resize']): void {
  const told = ({ shape }: tf.Tensor4D): string => `[${shape.join(', ')}]`;
  const refuse = (way: string): never => {
    throw new KdError(
      'USAGE',
      `pkd: the student's map is ${told(student)} and the teacher's ${told(teacher)}; ${way}.`,
    );
  };
  const [n, h, w, c] = student.shape;
  if (n !== teacher.shape[0]) refuse('both must be of the same images');
  if (c !== teacher.shape[3])
    refuse(
      "channels are compared one by one: bring the student to the teacher's with a 1x1 convolution (adapter: 'conv1x1')",
    );
  if (resize === 'none' && (h !== teacher.shape[1] || w !== teacher.shape[2]))
    refuse("let one of them be resized (resize: 'student' or 'teacher')");
}
