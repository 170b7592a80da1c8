import type { HostTensor } from '@kd/core';

export type Dtype = HostTensor['dtype'];
export type TensorData = HostTensor['data'];

interface DtypeInfo {
  /** Bytes of one element. */
  readonly bytes: number;
  readonly array: new (buffer: ArrayBuffer, byteOffset: number, length: number) => TensorData;
}

/**
 * How each dtype of safetensors is held on the host. F16, BF16 and F8 are kept as their bits, BOOL as bytes of 0 and 1.
 */
export const DTYPES: Readonly<Record<Dtype, DtypeInfo>> = {
  F64: { bytes: 8, array: Float64Array },
  I64: { bytes: 8, array: BigInt64Array },
  U64: { bytes: 8, array: BigUint64Array },
  F32: { bytes: 4, array: Float32Array },
  I32: { bytes: 4, array: Int32Array },
  U32: { bytes: 4, array: Uint32Array },
  F16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  I16: { bytes: 2, array: Int16Array },
  U16: { bytes: 2, array: Uint16Array },
  F8_E5M2: { bytes: 1, array: Uint8Array },
  F8_E4M3: { bytes: 1, array: Uint8Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
};

export const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && Object.hasOwn(DTYPES, name);

/** Number of elements; 1 for a 0-d tensor. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);
