import type { Dtype } from '../dtypes.js';

interface TorchDtype {
  /** Bytes of one element of a storage. */
  readonly bytes: number;
  /** What the elements are on the host; absent where there is no such thing. */
  readonly host?: Dtype;
}

/** The dtypes of torch. Those without a place on the host are told apart, and refused when somebody wants them. */
export const TORCH_DTYPES: Readonly<Record<string, TorchDtype>> = {
  float64: { bytes: 8, host: 'F64' },
  float32: { bytes: 4, host: 'F32' },
  float16: { bytes: 2, host: 'F16' },
  bfloat16: { bytes: 2, host: 'BF16' },
  int64: { bytes: 8, host: 'I64' },
  int32: { bytes: 4, host: 'I32' },
  int16: { bytes: 2, host: 'I16' },
  int8: { bytes: 1, host: 'I8' },
  uint8: { bytes: 1, host: 'U8' },
  bool: { bytes: 1, host: 'BOOL' },
  uint16: { bytes: 2, host: 'U16' },
  uint32: { bytes: 4, host: 'U32' },
  uint64: { bytes: 8, host: 'U64' },
  float8_e4m3fn: { bytes: 1, host: 'F8_E4M3' },
  float8_e5m2: { bytes: 1, host: 'F8_E5M2' },
  float8_e4m3fnuz: { bytes: 1 },
  float8_e5m2fnuz: { bytes: 1 },
  float8_e8m0fnu: { bytes: 1 },
  complex32: { bytes: 4 },
  complex64: { bytes: 8 },
  complex128: { bytes: 16 },
  qint8: { bytes: 1 },
  quint8: { bytes: 1 },
  qint32: { bytes: 4 },
  quint4x2: { bytes: 1 },
  quint2x4: { bytes: 1 },
  bits1x8: { bytes: 1 },
  bits2x4: { bytes: 1 },
  bits4x2: { bytes: 1 },
  bits8: { bytes: 1 },
  bits16: { bytes: 2 },
};

const STORAGES: Readonly<Record<string, string>> = {
  Double: 'float64',
  Float: 'float32',
  Half: 'float16',
  BFloat16: 'bfloat16',
  Long: 'int64',
  Int: 'int32',
  Short: 'int16',
  Char: 'int8',
  Byte: 'uint8',
  Bool: 'bool',
  ComplexFloat: 'complex64',
  ComplexDouble: 'complex128',
  QInt8: 'qint8',
  QUInt8: 'quint8',
  QInt32: 'qint32',
  QUInt4x2: 'quint4x2',
  QUInt2x4: 'quint2x4',
};

/** The dtype of a storage class, e.g. `torch.FloatStorage`; of bytes, where the class says none. */
export function dtypeOfStorage(name: string): string | undefined {
  if (name === 'torch.storage.UntypedStorage' || name === 'torch.UntypedStorage') return 'uint8';
  const kind = /^torch\.(?:cuda\.)?(\w+)Storage$/.exec(name)?.[1];
  return kind !== undefined && Object.hasOwn(STORAGES, kind) ? STORAGES[kind] : undefined;
}

/** The dtype that a global stands for, e.g. `torch.bfloat16`. */
export function dtypeOfGlobal(name: string): string | undefined {
  const dtype = name.startsWith('torch.') ? name.slice('torch.'.length) : '';
  return Object.hasOwn(TORCH_DTYPES, dtype) ? dtype : undefined;
}

/** The class of storage that holds a dtype of the host, `FloatStorage`; undefined where torch has none. */
export function storageOfDtype(dtype: Dtype): string | undefined {
  const kind = Object.keys(STORAGES).find((name) => TORCH_DTYPES[STORAGES[name]!]!.host === dtype);
  return kind === undefined ? undefined : `${kind}Storage`;
}
