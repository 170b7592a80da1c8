import { expect, it } from 'vitest';
import { fromHalf, toHalf } from './half.js';

it('rounds to the nearest half, ties to even, and keeps zeros, infinities and what is no number', () => {
  const cases: readonly (readonly [number, number])[] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2.5, 0xc100],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -25, 0x0001],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2047.5 / 2048, 0x3c00],
    [Infinity, 0x7c00],
  ];
  expect([...toHalf(Float32Array.from(cases, ([value]) => value))]).toEqual(cases.map(([, bits]) => bits));
  expect(fromHalf(toHalf(Float32Array.of(NaN)))).toEqual(Float32Array.of(NaN));
});

it('gives every half back', () => {
  const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => (bits & 0x7fff) <= 0x7c00);
  expect(toHalf(fromHalf(all))).toEqual(all);
});
