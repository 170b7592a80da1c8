import { expect, it } from 'vitest';
import { meetByStride } from './meet-by-stride.js';

const taps = (...strides: number[]) => strides.map((stride) => ({ name: String(stride), stride, channels: 1 }));
const neck = taps(8, 16, 32, 64, 128);
const pairs = (student: ReturnType<typeof taps>, teacher: ReturnType<typeof taps>, named = false) =>
  meetByStride(student, teacher, named).map(({ student: a, teacher: b }) => [a.stride, b.stride]);

it.each([
  [
    'stages of a backbone',
    [4, 8, 16, 32],
    [
      [8, 8],
      [16, 16],
      [32, 32],
      [64, 32],
    ],
  ],
  [
    'one map of a ViT',
    [16],
    [
      [8, 16],
      [16, 16],
      [32, 16],
    ],
  ],
  [
    'patches of 14 pixels',
    [14],
    [
      [8, 14],
      [16, 14],
    ],
  ],
  ['a map that is far from all', [2], [[8, 2]]],
] as const)('levels of a neck meet %s', (_, teacher, expected) =>
  expect(pairs(neck, taps(...teacher))).toEqual(expected),
);

it('levels that were named all take part', () =>
  expect(pairs(taps(128, 8), taps(16), true)).toEqual([
    [8, 16],
    [128, 16],
  ]));
