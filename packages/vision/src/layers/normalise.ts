import * as tf from '@tensorflow/tfjs-core';

export interface Statistics {
  /** [b or 1, 1, 1, c] */
  readonly mean: tf.Tensor4D;
  /** [b or 1, 1, 1, c], biased */
  readonly variance: tf.Tensor4D;
}

/**
 * What is normalised together: `pool` turns sums per image and channel [b, c] into means over the set, one for each
 * channel: [1, c] for batch norm, [b, c] for group norm.
 */
export interface NormalisedSet {
  /** [b, 1] float32: 1 for the images of the set, 0 for those that only follow its statistics; without it all are. */
  readonly members?: tf.Tensor2D;
  pool(sums: tf.Tensor2D, members: tf.Tensor2D | undefined): tf.Tensor2D;
}

/** Batch norm: all pixels of a channel, those of the counted `rows` [b] where they are given. */
export const wholeBatch = ([b, h, w]: readonly number[], rows?: tf.Tensor1D): NormalisedSet => ({
  ...(rows && { members: tf.expandDims(rows, 1) as tf.Tensor2D }),
  pool: (sums, members) => {
    const pixels = members ? tf.mul(tf.maximum(tf.sum(members), 1), h! * w!) : b! * h! * w!;
    return tf.div(tf.sum(sums, 0, true), pixels) as tf.Tensor2D;
  },
});

/** Group norm: the pixels of consecutive channels of one image. */
export const channelGroups = ([b, h, w, c]: readonly number[], groups: number): NormalisedSet => ({
  pool: (sums) => {
    const size = c! / groups;
    const means = tf.div(tf.sum(tf.reshape(sums, [b!, groups, size]), 2, true), h! * w! * size);
    return tf.reshape(tf.tile(means, [1, 1, size]), [b!, c!]);
  },
});

/**
 * `(x - mean) / sqrt(variance + epsilon) · gamma + beta`, with its gradient in closed form: the tape would make twice
 * the
 * passes over memory.
 * @param x [b, h, w, c]
 * @param gamma [c]
 * @param beta [c]
 * @param onStatistics receives mean and variance; they are disposed when it returns
 */
export function normalise(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  set: NormalisedSet,
  epsilon: number,
  onStatistics?: (statistics: Statistics) => void,
): tf.Tensor4D {
  let statistics: Statistics | undefined;
  const op = tf.customGrad((...args) => {
    const [input, scale, shift] = args as unknown as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    const save = args[3] as unknown as tf.GradSaveFunc;
    const { members } = set;
    const meanOf = (values: tf.Tensor4D): tf.Tensor4D => {
      const sums = spatialSum(values);
      return perChannel(set.pool(members ? tf.mul(sums, members) : sums, members));
    };
    const mean = meanOf(input);
    const variance = meanOf(tf.squaredDifference(input, mean));
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const factor = tf.mul(inverse, scale); // [b or 1, 1, 1, c]
    if (onStatistics) statistics = { mean: tf.keep(mean), variance: tf.keep(variance) };
    save([input, scale, mean, inverse, ...(members ? [members] : [])]);
    return {
      value: tf.add(tf.mul(input, factor), tf.sub(shift, tf.mul(mean, factor))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy as tf.Tensor4D, saved as Saved, set),
    };
  });
  const y = op(x, gamma, beta) as tf.Tensor4D;
  if (statistics && onStatistics) {
    onStatistics(statistics);
    tf.dispose([statistics.mean, statistics.variance]);
  }
  return y;
}

type Saved = [
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  mean: tf.Tensor4D,
  inverse: tf.Tensor4D,
  members: tf.Tensor2D | undefined,
];

/** Gradients of x, gamma and beta. */
function gradients(dy: tf.Tensor4D, [x, gamma, mean, inverse, members]: Saved, set: NormalisedSet): tf.Tensor[] {
  return tf.tidy(() => {
    const flatInverse = tf.reshape(inverse, [inverse.shape[0], inverse.shape[3]]); // [b or 1, c]
    const sums = spatialSum(dy); // [b, c]
    // sum of dy · x̂, [b, c]
    const products = tf.mul(spatialSum(tf.mul(dy, tf.sub(x, mean))), flatInverse) as tf.Tensor2D;
    // dx = inverse (dy · gamma - mean(dy · gamma) - x̂ · mean(dy · gamma · x̂)), gathered as dy · a + x · k + rest
    const meanOfDy = perChannel(set.pool(tf.mul(sums, gamma) as tf.Tensor2D, members));
    const meanOfProducts = perChannel(set.pool(tf.mul(products, gamma) as tf.Tensor2D, members));
    const k = tf.neg(tf.mul(tf.square(inverse), meanOfProducts));
    const rest = tf.sub(tf.neg(tf.mul(inverse, meanOfDy)), tf.mul(mean, k));
    const throughStatistics = tf.add(tf.mul(x, k), rest);
    const dx = tf.add(
      tf.mul(dy, tf.mul(inverse, gamma)),
      members ? tf.mul(throughStatistics, perChannel(members)) : throughStatistics,
    );
    return [dx, tf.sum(products, 0), tf.sum(sums, 0)];
  });
}

/**
 * Sum over height and width, [b, h, w, c] → [b, c]. One axis after the other: native TensorFlow adds one after the
 * other
 * along such axes, and over a whole map that costs three digits of a float32.
 */
export const spatialSum = (x: tf.Tensor4D): tf.Tensor2D => tf.sum(tf.sum(x, 1), 1) as tf.Tensor2D;

/** [n, c] → [n, 1, 1, c] */
const perChannel = (x: tf.Tensor2D): tf.Tensor4D => tf.reshape(x, [x.shape[0], 1, 1, x.shape[1]]);
