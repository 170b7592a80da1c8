import { expect, test } from 'vitest';
import { type HostTensor, hostFloats } from '@kd/core';
import { toFloat32 } from './half.js';

test('any dtype as float32', () => {
  const f32 = new Float32Array([1.5]);
  expect(toFloat32({ dtype: 'F32', shape: [1], data: f32 })).toBe(f32);
  expect(toFloat32({ dtype: 'BF16', shape: [3], data: new Uint16Array([0x3f80, 0xff80, 0x4049]) })).toEqual(
    new Float32Array([1, -Infinity, 3.140625]),
  );
  expect(toFloat32({ dtype: 'F16', shape: [1], data: new Uint16Array([0x3555]) })).toEqual(
    new Float32Array([0.333251953125]),
  );
  expect(toFloat32({ dtype: 'I64', shape: [1], data: new BigInt64Array([-7n]) })).toEqual(new Float32Array([-7]));
  expect(toFloat32({ dtype: 'F64', shape: [1], data: new Float64Array([0.1]) })).toEqual(new Float32Array([0.1]));
});

// torch's own bits for these numbers: see kinds() of tests/reference/torch_checkpoints.py.
test.each([
  ['F8_E4M3', [0x00, 0xbc, 0x7e, 0x01, 0x08, 0x7f, 0xff], [0, -1.5, 448, 2 ** -9, 2 ** -6, NaN, NaN]],
  ['F8_E5M2', [0x00, 0xbe, 0x7b, 0x01, 0x04, 0x7c, 0xfe], [0, -1.5, 57344, 2 ** -16, 2 ** -14, Infinity, NaN]],
] as const)('%s as float32, here and in core', (dtype, bits, values) => {
  const tensor: HostTensor = { dtype, shape: [bits.length], data: new Uint8Array(bits) };
  expect([...toFloat32(tensor)]).toEqual([...values]);
  expect([...hostFloats(tensor)]).toEqual([...values]);
});

test('whole numbers without a sign as float32, here and in core', () => {
  for (const tensor of [
    { dtype: 'U64', shape: [1], data: new BigUint64Array([2n ** 40n]) },
    { dtype: 'U32', shape: [1], data: new Uint32Array([2 ** 31]) },
    { dtype: 'U16', shape: [1], data: new Uint16Array([65535]) },
  ] as const) {
    const values = [Number(tensor.data[0])];
    expect([[...toFloat32(tensor)], [...hostFloats(tensor)]], tensor.dtype).toEqual([values, values]);
  }
});
