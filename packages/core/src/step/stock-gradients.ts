import * as tf from '@tensorflow/tfjs-core';

/**
 * Gradients of tfjs-core that fail, on every backend: those of `split` and `unstack` into a single part expect a list
 * where the tape hands the gradient of the only output over as it is; `cumsum` along any axis but the last transposes
 * its result; `maximum`, `minimum` and `squaredDifference` forget to sum over dimensions that were broadcast; a batched
 * `gather` calls methods that only the union package registers. An engine that has better ones registers them when it
 * starts, which is later.
 */
export function correctStockGradients(): void {
  for (const kernelName of [tf.SplitV, tf.Unpack]) {
    const config = tf.getGradient(kernelName);
    register({ ...config, gradFunc: (dy, saved, attrs) => config.gradFunc([dy].flat(), saved, attrs) });
  }
  correctGradient('Cumsum', ['x'], (dy, _saved, attributes) => {
    const { axis, exclusive, reverse } = attributes as unknown as {
      axis: number;
      exclusive: boolean;
      reverse: boolean;
    };
    return { x: () => tf.cumsum(dy, axis, exclusive, !reverse) };
  });
  // At a tie the first argument takes the gradient, as in tfjs-core.
  correctGradient('Maximum', ['a', 'b'], (dy, [a, b]) => ({
    a: () => unbroadcast(tf.mul(dy, tf.cast(tf.greaterEqual(a!, b!), 'float32')), a!.shape),
    b: () => unbroadcast(tf.mul(dy, tf.cast(tf.less(a!, b!), 'float32')), b!.shape),
  }));
  correctGradient('Minimum', ['a', 'b'], (dy, [a, b]) => ({
    a: () => unbroadcast(tf.mul(dy, tf.cast(tf.lessEqual(a!, b!), 'float32')), a!.shape),
    b: () => unbroadcast(tf.mul(dy, tf.cast(tf.greater(a!, b!), 'float32')), b!.shape),
  }));
  correctGradient('SquaredDifference', ['a', 'b'], (dy, [a, b]) => ({
    a: () => unbroadcast(tf.mul(dy, tf.mul(2, tf.sub(a!, b!))), a!.shape),
    b: () => unbroadcast(tf.mul(dy, tf.mul(2, tf.sub(b!, a!))), b!.shape),
  }));
  const plainGather = tf.getGradient('GatherV2');
  register({
    ...plainGather,
    gradFunc: (dy, saved, attributes) => {
      const { axis, batchDims } = attributes as unknown as { axis: number; batchDims: number };
      const [x, indices] = saved as [tf.Tensor, tf.Tensor];
      if (batchDims !== 1 || axis !== 1) return plainGather.gradFunc(dy, saved, attributes);
      return { x: () => batchedGatherGradient(dy as tf.Tensor, x, indices), indices: () => indices };
    },
  });
}

/**
 * dy [b, ...k, ...inner], indices [b, ...k] into x [b, n, ...inner] -> [b, n, ...inner]: one segment for each row of
 * each image.
 */
function batchedGatherGradient(dy: tf.Tensor, x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const [b, n] = x.shape as [number, number];
  const inner = x.shape.slice(2);
  const rowOfImage = tf.mul(tf.range(0, b, 1, 'int32'), tf.scalar(n, 'int32'));
  const segments = tf.reshape(tf.add(tf.reshape(indices, [b, -1]), tf.expandDims(rowOfImage, 1)), [-1]); // [b * k]
  const sums = tf.unsortedSegmentSum(tf.reshape(dy, [segments.size, ...inner]), segments as tf.Tensor1D, b * n);
  return tf.reshape(sums, x.shape);
}

type GradFunc = (
  dy: tf.Tensor,
  saved: tf.Tensor[],
  attributes: Record<string, unknown>,
) => Record<string, () => tf.Tensor>;

/** In place of the one that is there, of which TensorFlow.js would warn. */
function register(config: tf.GradConfig): void {
  tf.unregisterGradient(config.kernelName);
  tf.registerGradient(config);
}

function correctGradient(name: string, inputsToSave: string[], gradient: GradFunc): void {
  register({
    kernelName: name,
    inputsToSave,
    gradFunc: (dy, saved, attributes) =>
      gradient(dy as tf.Tensor, saved, attributes as unknown as Record<string, unknown>),
  });
}

function unbroadcast(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, shape);
}
