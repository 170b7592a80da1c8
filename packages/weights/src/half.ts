import { KdError, type HostTensor } from '@kd/core';
import { type Dtype, elementCount } from './dtypes.js';

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The value of a half precision number (IEEE 754 binary16), exactly. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest half precision number, ties to even; infinity beyond 65519.99…, subnormals kept. */
export function floatToHalf(value: number): number {
  float[0] = value;
  // A double between two singles could be rounded twice; a sticky last bit keeps the tie decision of the second
  // rounding right.
  if (float[0] !== value && Number.isFinite(value) && Number.isFinite(float[0])) {
    if (Math.abs(float[0]) > Math.abs(value)) bits[0]! -= 1;
    bits[0]! |= 1;
  }
  const single = bits[0]!;
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13);
  if (magnitude < 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, shift);
}

/** value / 2^shift, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const floor = Math.floor(value / 2 ** shift);
  const rest = value - floor * 2 ** shift;
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

function bfloatToFloat(bfloat: number): number {
  bits[0] = bfloat << 16;
  return float[0]!;
}

/** Eight bits without infinities: the largest exponent holds numbers, too, and one NaN. */
function e4m3ToFloat(byte: number): number {
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte >> 3) & 0xf;
  const fraction = byte & 7;
  if ((byte & 0x7f) === 0x7f) return NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/**
 * The values as float32, whatever the dtype; the tensor's own array where it is F32 already. Those of 16 bits and less
 * are exact, F64 and integers beyond 2^24 are rounded.
 */
export function toFloat32(tensor: HostTensor): Float32Array {
  const { dtype, data } = tensor;
  if (data instanceof Float32Array) return data;
  if (dtype === 'F16') return Float32Array.from(data as Uint16Array, halfToFloat);
  if (dtype === 'BF16') return Float32Array.from(data as Uint16Array, bfloatToFloat);
  if (dtype === 'F8_E5M2') return Float32Array.from(data as Uint8Array, (byte) => halfToFloat(byte << 8));
  if (dtype === 'F8_E4M3') return Float32Array.from(data as Uint8Array, e4m3ToFloat);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  return Float32Array.from(data);
}

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
