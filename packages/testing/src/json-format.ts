import { readFile } from 'node:fs/promises';
import type { CheckpointFormat, HostTensor } from '@kd/core';
import { KdError, messageOf, writeFileAtomic } from '@kd/core/plain';

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  F8_E5M2: Uint8Array,
  F8_E4M3: Uint8Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

interface Stored {
  readonly metadata: Record<string, string>;
  readonly tensors: Record<
    string,
    { readonly dtype: HostTensor['dtype']; readonly shape: number[]; readonly data: string }
  >;
}

/** For threads, too. */
export const read: CheckpointFormat['read'] = async (file) => {
  let stored: Stored;
  try {
    stored = JSON.parse(await readFile(file, 'utf8')) as Stored;
  } catch (cause) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${file} cannot be read as a checkpoint: ${messageOf(cause)}. Take another checkpoint of the run.`,
      { cause },
    );
  }
  const tensors = Object.entries(stored.tensors).map(([name, { dtype, shape, data }]): [string, HostTensor] => {
    const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
    return [name, { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) }];
  });
  return { tensors: new Map(tensors), metadata: stored.metadata };
};

/** Checkpoints as JSON with the bytes in base64: bit for bit, readable, and slow. For tests. */
export const jsonFormat: CheckpointFormat = {
  name: 'json',
  extension: '.json',
  read,
  thread: new URL('../dist/json-format.js', import.meta.url).href,
  write: (file, tensors, metadata) => {
    const stored = [...tensors].map(([name, { dtype, shape, data }]) => [
      name,
      { dtype, shape, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') },
    ]);
    return writeFileAtomic(file, JSON.stringify({ metadata, tensors: Object.fromEntries(stored) }));
  },
};
