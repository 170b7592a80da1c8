import { expect, test } from 'vitest';
import { pairsOf } from './feature-maps.js';

const taps = (...strides: number[]) => strides.map((stride) => ({ name: `t${stride}`, stride, channels: 4 }));
const names = (student: number[], teacher: number[]): string[] =>
  pairsOf(taps(...student), taps(...teacher)).map((pair) => `${pair.student.name} ${pair.teacher.name}`);

test('maps are compared at one stride, finest first; where there is none, with the nearest level', () => {
  expect(names([32, 8, 16], [16, 32, 64])).toEqual(['t16 t16', 't32 t32']);
  expect(names([8, 16, 32], [14])).toEqual(['t16 t14']);
  expect(names([8, 16], [64, 4])).toEqual(['t8 t4', 't16 t64']);
  expect(names([], [8])).toEqual([]);
});
