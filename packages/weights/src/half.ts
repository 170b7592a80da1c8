import type { HostTensor } from '@kd/core';
import { floatToHalf, hostFloats, KdError } from '@kd/core/plain';
import { type Dtype, elementCount } from './dtypes.js';

/**
 * The values as float32, whatever the dtype; the tensor's own array where it is F32 already. Those of 16 bits and less
 * are exact, F64 and integers beyond 2^24 are rounded.
 */
export const toFloat32 = hostFloats;

/** F16 for what {@link toHalf} rounds, else the same. */
export const dtypeAsHalf = (dtype: Dtype): Dtype =>
  dtype === 'F32' || dtype === 'F64' || dtype === 'BF16' ? 'F16' : dtype;

/**
 * A floating tensor rounded to F16; tensors of integers are returned as they are.
 * @throws KdError USAGE when a finite value is too large for F16 (beyond 65504)
 */
export function toHalf(name: string, tensor: HostTensor): HostTensor {
  if (dtypeAsHalf(tensor.dtype) === tensor.dtype) return tensor;
  const values = tensor.data instanceof Float64Array ? tensor.data : toFloat32(tensor);
  const data = new Uint16Array(elementCount(tensor.shape));
  for (let i = 0; i < data.length; i++) {
    const half = floatToHalf(values[i]!);
    if ((half & 0x7fff) === 0x7c00 && Number.isFinite(values[i]!)) {
      throw new KdError(
        'USAGE',
        `tensor "${name}" has the value ${values[i]} at ${i}, which is too large for F16 (largest: 65504). Write it as F32.`,
      );
    }
    data[i] = half;
  }
  return { dtype: 'F16', shape: tensor.shape, data };
}
