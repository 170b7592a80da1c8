import { objectLevel, objectMask } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { type Pair, pursuitCoefficients } from './coefficients.js';
import type { Level, LevelDescription, Objects } from './describe-level.js';
import { featureLoss, type FeatureLosses } from './feature-loss.js';
import { globalLoss } from './global-loss.js';
import { ownPrototypes } from './reliability.js';

export interface GlobalOptions {
  readonly coefficients: 'cosine' | 'pursuit';
  /** lambda of the pursuit. */
  readonly pursuitSimilarity: number;
  readonly scope: 'all' | 'own-class';
  readonly kind: 'smooth-l1' | 'l2';
}

/** The global loss of one level, before factor and attenuation. */
export function levelGlobal(
  { features, cosines, weights }: LevelDescription,
  { prototypes }: Level,
  objects: Objects,
  { coefficients, pursuitSimilarity, scope, kind }: GlobalOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const rows = <T extends tf.Tensor>(x: tf.Tensor2D): T => tf.reshape(x, [-1]) as tf.Tensor as T;
    const [labels, mask, trust] = [
      rows<tf.Tensor1D>(objects.labels),
      rows<tf.Tensor1D>(objects.mask),
      rows<tf.Tensor1D>(weights),
    ];
    if (coefficients === 'pursuit') {
      const { used, ...pair } = pursuitCoefficients(features, prototypes as Pair, labels, {
        offsets: prototypes.offsets,
        similarity: pursuitSimilarity,
      });
      return globalLoss(pair, trust, { kind, scope: used, mask });
    }
    return globalLoss(cosines, trust, {
      kind,
      mask,
      ...(scope === 'own-class' &&
        prototypes.labels.shape[0] > 0 && { scope: ownPrototypes(labels, prototypes.labels) }),
    });
  });
}

/**
 * Foreground and background of one level, before factors and attenuation. The foreground are the objects that the size
 * rule sends to this level, each with
 * its weight.
 * @param maps the student's behind its adapter
 * @param weights [b, n]
 */
export function levelFeature(
  { student, teacher, stride }: Pick<Level, 'student' | 'teacher' | 'stride'>,
  { boxes, mask }: Pick<Objects, 'boxes' | 'mask'>,
  weights: tf.Tensor2D,
  { index, levels }: { readonly index: number; readonly levels: number },
): FeatureLosses {
  const [, height, width] = teacher.shape;
  const filled = tf.tidy(() => {
    const own = tf.equal(objectLevel(boxes, { levels }), tf.scalar(index, 'int32'));
    return objectMask(boxes, tf.mul(mask, tf.cast(own, 'float32')), { stride, height, width, values: weights });
  });
  return featureLoss(student, teacher, filled);
}
