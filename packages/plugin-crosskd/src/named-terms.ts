import type { LossTerms } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Terms by name: the sum over what they were taken of, levels or stages; with `perLevel` one each, `cls.p3`.
 * @param of names of the levels or stages, in the order of the values
 */
export const namedTerms = (
  terms: Readonly<Record<string, readonly tf.Scalar[]>>,
  of: readonly string[],
  perLevel: boolean,
): LossTerms =>
  Object.fromEntries(
    Object.entries(terms).flatMap(([name, values]): [string, tf.Scalar][] =>
      perLevel
        ? values.map((value, i) => [`${name}.${of[i]}`, value])
        : [[name, values.reduce((sum, value) => tf.add(sum, value))]],
    ),
  );
