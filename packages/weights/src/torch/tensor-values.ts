import type { HostTensor } from '@kd/core';
import { DTYPES, elementCount, type TensorData } from '../dtypes.js';
import type { TorchTensor } from './pickle-value.js';
import { TORCH_DTYPES } from './torch-dtypes.js';

/** Why nobody can have the numbers of a tensor; null where everybody can. */
export function refusal({ dtype, special }: TorchTensor): string | null {
  if (special !== undefined) return special;
  return TORCH_DTYPES[dtype]!.host === undefined ? `of dtype ${dtype}` : null;
}

/** Strides of a tensor whose elements lie one behind the other. */
const contiguous = (shape: readonly number[]): number[] => {
  const strides: number[] = [];
  let step = 1;
  for (const side of shape.toReversed()) {
    strides.unshift(step);
    step *= side;
  }
  return strides;
};

/** Whether a tensor's elements lie in its storage in their order: sides of 1 may have any stride. */
export const isContiguous = ({ shape, strides }: TorchTensor): boolean =>
  shape.includes(0) || contiguous(shape).every((stride, axis) => shape[axis] === 1 || strides[axis] === stride);

/**
 * A tensor out of the bytes of its storage: a view of them where its elements lie in order, unless it would keep a
 * storage in memory of which it is a small part.
 * @param bytes of the whole storage, aligned to its elements
 */
export function tensorValues(tensor: TorchTensor, bytes: Uint8Array): HostTensor {
  const { shape, strides, offset } = tensor;
  const dtype = TORCH_DTYPES[tensor.dtype]!.host!;
  const { array, bytes: element } = DTYPES[dtype];
  const all = new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, Math.floor(bytes.byteLength / element));
  const count = elementCount(shape);
  if (isContiguous(tensor)) {
    const part = all.subarray(offset, offset + count);
    return { dtype, shape, data: 2 * count < all.length ? part.slice() : part };
  }
  const data = new (all.constructor as new (length: number) => TensorData)(count);
  const position = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    data[i] = all[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++position[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      position[axis] = 0;
    }
  }
  return { dtype, shape, data };
}
