import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatToHalf, fromHalf, toHalf } from './half.js';
import { halfToFloat } from './host-floats.js';

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

/** All finite half precision values of one sign, ascending: the definition, not the code under test. */
const table = Array.from({ length: 0x7c00 }, (_, bits) => {
  const exponent = bits >> 10;
  return exponent === 0 ? (bits & 0x3ff) * 2 ** -24 : (0x400 + (bits & 0x3ff)) * 2 ** (exponent - 25);
});

describe('half precision', () => {
  it('decodes every finite number, and encodes it back', () => {
    const wrong = table.flatMap((value, bits) => {
      const right =
        Object.is(halfToFloat(bits), value) &&
        Object.is(halfToFloat(bits | 0x8000), -value) &&
        floatToHalf(value) === bits &&
        floatToHalf(-value) === (bits | 0x8000);
      return right ? [] : [bits];
    });
    expect(wrong).toEqual([]);
  });

  it('infinities and NaN', () => {
    expect([halfToFloat(0x7c00), halfToFloat(0xfc00), halfToFloat(0x7e01)]).toEqual([Infinity, -Infinity, NaN]);
    expect([floatToHalf(Infinity), floatToHalf(-Infinity), floatToHalf(NaN), floatToHalf(1e300)]).toEqual([
      0x7c00, 0xfc00, 0x7e00, 0x7c00,
    ]);
    expect([floatToHalf(65519.999), floatToHalf(65520)]).toEqual([0x7bff, 0x7c00]);
  });

  it('halfway between two neighbours goes to the even one, a touch beyond it does not', () => {
    const wrong = table.slice(0, -1).flatMap((value, bits) => {
      const middle = (value + table[bits + 1]!) / 2;
      const right =
        floatToHalf(middle) === (bits % 2 === 0 ? bits : bits + 1) &&
        floatToHalf(middle * (1 + 2 ** -40)) === bits + 1 && // lost if it went through a single first
        floatToHalf(middle * (1 - 2 ** -40)) === bits;
      return right ? [] : [bits];
    });
    expect(wrong).toEqual([]);
  });

  it('any double goes to a nearest number', () => {
    fc.assert(
      fc.property(fc.double({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const bits = floatToHalf(value) & 0x7fff;
        const error = Math.abs(table[bits]! - Math.abs(value));
        for (const other of [table[bits - 1], table[bits + 1]]) {
          if (other !== undefined) expect(error).toBeLessThanOrEqual(Math.abs(other - Math.abs(value)));
        }
      }),
    );
  });
});
