import type { ExportedModel } from '@kd/detect';
import { expect, test } from 'vitest';
import { unlike } from './unlike.js';

const rule = { minSize: [64, 80], maxSize: 100, fixedSize: null } as const;
const fixed = { ...rule, fixedSize: [64, 96] } as const;
const exported = (input: object, detector = 'gfl') =>
  ({ detector, classes: ['a', 'b'], input }) as unknown as ExportedModel;
const run = (input: typeof rule | typeof fixed) => ({ name: 'gfl', categories: [1, 2], input }) as never;

test('what computes the same is told nothing of', () => {
  expect(unlike(exported({ size: null, rule }), run(rule))).toEqual([]);
  expect(unlike(exported({ size: [64, 96], rule: fixed }), run(fixed))).toEqual([]);
});

test('a frame around every image, another size, and another model', () => {
  expect(unlike(exported({ size: [128, 128], rule }), run(rule))).toEqual([
    'the file computes on images of 128 × 128, the run on short side 80, long side at most 100',
  ]);
  const larger = { ...fixed, fixedSize: [128, 192] };
  expect(unlike(exported({ size: [128, 192], rule: larger }, 'fcos'), run(fixed))).toEqual([
    'the file holds a fcos of 2 classes, the run a gfl of 2 classes: these are two models',
    'the file computes on images of 128 × 192, the run on 64 × 96',
  ]);
});
