import { spendParameters } from '@kd/core';
import { initializers } from '@tensorflow/tfjs-layers';

/** Zeros that are counted before they are made: kernels are what a network's memory goes to. */
export function countedZeros(): ReturnType<typeof initializers.zeros> {
  const zeros = initializers.zeros();
  const apply = zeros.apply.bind(zeros);
  zeros.apply = (shape, dtype) => {
    spendParameters(shape.map(Number));
    return apply(shape, dtype);
  };
  return zeros;
}
