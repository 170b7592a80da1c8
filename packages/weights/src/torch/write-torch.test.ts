import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostTensor } from '@kd/core';
import { afterAll, expect, test } from 'vitest';
import { openWeights } from '../weights-file.js';
import { serializeTorch, writeTorch } from './write-torch.js';

const folder = mkdtempSync(join(tmpdir(), 'kd-weights-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TENSORS = new Map<string, HostTensor>([
  ['a.weight', { dtype: 'F32', shape: [2, 3], data: Float32Array.from([1, -2, 3.5, 0, 1e-9, 7]) }],
  ['a.bias', { dtype: 'F64', shape: [1], data: Float64Array.from([1 / 3]) }],
  ['bn.num_batches_tracked', { dtype: 'I64', shape: [], data: BigInt64Array.from([7n]) }],
  ['größe', { dtype: 'U8', shape: [0, 4], data: new Uint8Array(0) }],
  ['half', { dtype: 'F16', shape: [2], data: Uint16Array.from([0x3c00, 0xc000]) }],
]);

test('what is written is read as it was', async () => {
  const file = join(folder, 'state.pth');
  await writeTorch(file, TENSORS);
  const { container, values } = await openWeights(file, {});
  expect(container).toBe('zip');
  expect([...values.keys()]).toEqual([...TENSORS.keys()]);
  for (const [name, { dtype, shape, data }] of TENSORS) {
    const read = values.get(name)!;
    expect([read.dtype, read.shape, [...read.data]]).toEqual([dtype, shape, [...data]]);
  }
});

test('halves, and the same bytes twice', async () => {
  const file = join(folder, 'half.pth');
  writeFileSync(file, serializeTorch(TENSORS, { as: 'F16' }));
  const { values } = await openWeights(file, {});
  expect([values.get('a.weight')!.dtype, [...values.get('a.weight')!.data]]).toEqual([
    'F16',
    [0x3c00, 0xc000, 0x4300, 0, 0, 0x4700],
  ]);
  expect(values.get('bn.num_batches_tracked')!.dtype).toBe('I64');
  expect(Buffer.compare(serializeTorch(TENSORS), serializeTorch(TENSORS))).toBe(0);
});

test('a dtype without a storage is refused by its name', () => {
  expect(() => serializeTorch(new Map([['x', { dtype: 'U16', shape: [1], data: new Uint16Array(1) }]]))).toThrow(
    /tensor "x" cannot be written: torch has no storage for U16/,
  );
});
