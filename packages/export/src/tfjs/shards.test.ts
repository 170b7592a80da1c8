import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import type { Constant } from './graph-def.js';
import { shardsOf } from './shards.js';

const kernel = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i * i) * 0.3 - 0.05);
const CONSTANTS: readonly Constant[] = [
  { name: 'kernel', shape: [10, 100], data: kernel, kernel: true },
  { name: 'zeros', shape: [3, 1], data: new Float32Array(3), kernel: true },
  { name: 'bias', shape: [3], data: Float32Array.from([1e-4, -2, 1 / 3]), kernel: false },
  { name: 'sides', shape: [2], data: Int32Array.from([-1, 7]), kernel: false },
];

/** As TensorFlow.js reads them. */
function read(storage: Parameters<typeof shardsOf>[1]): { bytes: number; values: Record<string, number[]> } {
  const { manifest, files } = shardsOf(CONSTANTS, storage);
  const all = Buffer.concat(manifest[0]!.paths.map((path) => files.get(path)!));
  const decoded = tf.io.decodeWeights(new Uint8Array(all).buffer, manifest[0]!.weights as tf.io.WeightsManifestEntry[]);
  const values = Object.fromEntries(Object.entries(decoded).map(([name, tensor]) => [name, [...tensor.dataSync()]]));
  tf.dispose(decoded);
  return { bytes: all.length, values };
}

test.each([
  ['float32', 4],
  ['float16', 2],
  ['int8', 1],
] as const)('%s: what a reader gets back', async (storage, bytes) => {
  await import('@tensorflow/tfjs-backend-cpu');
  const found = read(storage);
  expect(found.bytes).toBe(bytes * 1003 + 4 * 5);
  const step = (0.35 - -0.25 + 0.01) / 255;
  found.values['kernel']!.forEach((value, i) => {
    const off = { float32: 0, float16: Math.abs(kernel[i]!) * 2 ** -11 + 1e-7, int8: step / 2 + 1e-6 }[storage];
    expect(Math.abs(value - kernel[i]!)).toBeLessThanOrEqual(off);
  });
  expect(found.values['zeros']).toEqual([0, 0, 0]);
  expect(found.values['bias']).toEqual([...CONSTANTS[2]!.data]);
  expect(found.values['sides']).toEqual([-1, 7]);
});

test('shards of 4 MB', () => {
  const data = new Float32Array(1.5 * 1024 * 1024).fill(1);
  const { manifest, files } = shardsOf([{ name: 'a', shape: [data.length], data, kernel: false }], 'float32');
  expect(manifest[0]!.paths).toEqual(['group1-shard1of2.bin', 'group1-shard2of2.bin']);
  expect([...files.values()].map(({ length }) => length)).toEqual([4 * 1024 * 1024, 2 * 1024 * 1024]);
});
