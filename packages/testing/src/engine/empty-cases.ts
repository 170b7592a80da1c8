import * as tf from '@tensorflow/tfjs-core';
import { type EngineCase, given } from './engine-case.js';

export const emptyCases: readonly EngineCase[] = [
  ...[
    (of: tf.Tensor) => tf.add(of, 1),
    (of: tf.Tensor) => tf.relu(of),
    (of: tf.Tensor) => tf.concat([of, of], 0),
    (of: tf.Tensor) => tf.reshape(of, [3, 0]),
    (of: tf.Tensor) => tf.gather(of, tf.tensor1d([], 'int32')),
    (of: tf.Tensor) => tf.transpose(tf.reshape(of, [3, 0]), [1, 0]),
  ].map(
    (run, i): EngineCase => ({
      name: `nothing in, nothing out (${i})`,
      inputs: [given([0, 3], [])],
      run: (of: tf.Tensor) => run(of),
      reference: () => ({ shape: i === 3 ? [3, 0] : [0, 3], values: [] }),
    }),
  ),
  {
    name: 'the sum of nothing',
    inputs: [given([0, 3], [])],
    run: (of: tf.Tensor) => tf.sum(of, 0),
    reference: () => ({ shape: [3], values: [0, 0, 0] }),
  },
];
