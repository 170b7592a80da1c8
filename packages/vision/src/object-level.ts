import * as tf from '@tensorflow/tfjs-core';

export interface ObjectLevelOptions {
  /** Levels of the pyramid: larger objects go to the last one. */
  readonly levels: number;
  /** Side in pixels of the objects at the lower end of level 0. */
  readonly finest?: number;
  /** `inclusive`: sides are x2 - x1 + 1, as masks of objects are made. `plain`: x2 - x1, as regions are pooled. */
  readonly sides?: 'inclusive' | 'plain';
}

/**
 * The level of a pyramid that an object of this size goes to: floor(log2(sqrt(w h) / 56 + 1e-6)), whatever the strides.
 * So everything below
 * 112 pixels is on the finest level. DeFeat and the prototypes of Tang et al. (ECCV 2022) make their masks by it. No
 * gradient.
 * @param boxes [..., 4] in pixels of the resized image
 * @returns [...] int32
 */
export function objectLevel<T extends tf.Tensor = tf.Tensor>(
  boxes: tf.Tensor,
  { levels, finest = 56, sides = 'inclusive' }: ObjectLevelOptions,
): T {
  return tf.tidy(() => {
    const [x1, y1, x2, y2] = tf.unstack(boxes, -1) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const more = sides === 'inclusive' ? 1 : 0;
    const side = (low: tf.Tensor, high: tf.Tensor): tf.Tensor => tf.maximum(tf.add(tf.sub(high, low), more), 0);
    const size = tf.sqrt(tf.mul(side(x1, x2), side(y1, y2))); // [...]
    // Comparisons, because a float32 logarithm can fall on the wrong side of a whole number.
    const steps = Array.from({ length: levels - 1 }, (_, k) =>
      tf.cast(tf.greaterEqual(size, finest * (2 ** (k + 1) - 1e-6)), 'int32'),
    );
    return steps.reduce((sum, step) => tf.add(sum, step), tf.zeros(size.shape, 'int32')) as T;
  });
}
