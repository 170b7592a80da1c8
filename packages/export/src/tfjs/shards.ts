import { floatToHalf } from '@kd/core';
import type { Constant } from './graph-def.js';

/** How kernels of convolutions are stored; `int8`: 8 bits with one factor a tensor, all that TensorFlow.js reads. */
export type TfjsStorage = 'float32' | 'float16' | 'int8';

/** What model.json says of a tensor. */
interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly quantization?:
    | { readonly dtype: 'float16'; readonly original_dtype: 'float32' }
    | { readonly dtype: 'uint8'; readonly min: number; readonly scale: number; readonly original_dtype: 'float32' };
}

/** What TensorFlow.js' own converter cuts at: browsers keep files of this size. */
const SHARD = 4 * 1024 * 1024;

/** Weights one after the other, cut into files. */
export function shardsOf(
  constants: readonly Constant[],
  storage: TfjsStorage,
): {
  readonly manifest: readonly { readonly paths: readonly string[]; readonly weights: readonly WeightSpec[] }[];
  readonly files: ReadonlyMap<string, Uint8Array>;
} {
  const stored = constants.map((constant) => storedAs(constant, storage));
  const all = Buffer.concat(stored.map(({ bytes }) => bytes));
  const count = Math.max(1, Math.ceil(all.length / SHARD));
  const files = new Map(
    Array.from({ length: count }, (_, i) => [
      `group1-shard${i + 1}of${count}.bin`,
      new Uint8Array(all.subarray(i * SHARD, (i + 1) * SHARD)),
    ]),
  );
  return { manifest: [{ paths: [...files.keys()], weights: stored.map(({ spec }) => spec) }], files };
}

function storedAs(
  { name, shape, data, kernel }: Constant,
  storage: TfjsStorage,
): { readonly spec: WeightSpec; readonly bytes: Uint8Array } {
  const dtype = data instanceof Float32Array ? 'float32' : 'int32';
  const spec = { name, shape, dtype } as const;
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (!kernel || storage === 'float32') return { spec, bytes: raw };
  if (storage === 'float16') {
    const halves = Uint16Array.from(data, floatToHalf);
    return {
      spec: { ...spec, quantization: { dtype: 'float16', original_dtype: 'float32' } },
      bytes: new Uint8Array(halves.buffer),
    };
  }
  let [low, high] = [0, 0];
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)];
  // A tensor of zeros has any scale. Zero itself stays zero.
  const scale = (high - low) / 255 || 1;
  const zero = Math.round(-low / scale);
  return {
    spec: { ...spec, quantization: { dtype: 'uint8', min: -zero * scale, scale, original_dtype: 'float32' } },
    bytes: Uint8Array.from(data, (value) => Math.max(0, Math.min(255, Math.round(value / scale) + zero))),
  };
}
