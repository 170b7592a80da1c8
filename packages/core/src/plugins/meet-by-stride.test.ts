import { expect, it } from 'vitest';
import { meetByStride } from './meet-by-stride.js';

const taps = (...strides: number[]) => strides.map((stride) => ({ name: String(stride), stride, channels: 1 }));

it.each([
  ['stages of a backbone', [4, 8, 16, 32], [8, 16, 32, 32, 32]],
  ['one map of a ViT', [16], [16, 16, 16, 16, 16]],
  ['patches of 14 pixels beside a coarser map', [56, 14], [14, 14, 56, 56, 56]],
  ['two that are equally near: the finer one', [4, 16], [4, 16, 16, 16, 16]],
] as const)('levels of a neck meet %s', (_, teacher, expected) => {
  const met = meetByStride(taps(128, 8, 16, 32, 64), taps(...teacher));
  expect(met.map(({ student }) => student.stride)).toEqual([8, 16, 32, 64, 128]);
  expect(met.map((one) => one.teacher.stride)).toEqual(expected);
});
