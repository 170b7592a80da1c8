import type { HostTensor } from '@kd/core';
import type { TensorData } from './dtypes.js';

/** Transposes as `np.transpose(x, axes)` does: side i of the result is side `axes[i]` of the tensor. */
export function permute(tensor: HostTensor, axes: readonly number[]): HostTensor {
  const { shape, dtype } = tensor;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const sides = axes.map((axis) => shape[axis]!);
  const steps = axes.map((axis) => strides[axis]!);
  const data = new (tensor.data.constructor as new (length: number) => TensorData)(tensor.data.length);
  const position = new Array<number>(axes.length).fill(0);
  let from = 0;
  for (let i = 0; i < data.length; i++) {
    data[i] = tensor.data[from]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++position[axis]! < sides[axis]!) break;
      from -= steps[axis]! * sides[axis]!;
      position[axis] = 0;
    }
  }
  return { dtype, shape: sides, data };
}
