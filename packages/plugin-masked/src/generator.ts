import { type Adapter, applyAdapter, createAdapter, type VariableMaker } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';

/** Two 3x3 convolutions with a ReLU between, that make the teacher's map from what is left of the student's. */
export interface Generator {
  readonly first: Adapter;
  readonly second: Adapter;
}

export const createGenerator = (maker: VariableMaker, name: string, channels: number): Generator => ({
  first: createAdapter(maker, `${name}/generator1`, channels, channels, { size: 3, relu: true }),
  second: createAdapter(maker, `${name}/generator2`, channels, channels, { size: 3 }),
});

/** [b, h, w, c] -> [b, h, w, c] */
export const generate = (map: tf.Tensor4D, { first, second }: Generator): tf.Tensor4D =>
  applyAdapter(applyAdapter(map, first), second);
