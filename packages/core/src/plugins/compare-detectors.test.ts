import { expect, it } from 'vitest';
import { headDifferences } from './compare-detectors.js';
import type { DenseInfo } from '../contract/detector.js';

const head = (change: Partial<DenseInfo> = {}): DenseInfo => ({
  boxes: 'delta',
  priorsPerCell: 1,
  coding: { strides: [8], scale: 4 },
  ...change,
});

it('heads differ in what they say of themselves, whatever the order of the keys', () => {
  expect(headDifferences(head(), head({ coding: { scale: 4, strides: [8] } }))).toEqual([]);
  expect(headDifferences(head(), head({ boxes: 'distance', priorsPerCell: 3 }))).toEqual([
    'boxes of the student "delta", of the teacher "distance"',
    'priorsPerCell of the student 1, of the teacher 3',
  ]);
  expect(headDifferences(head(), head({ boxes: 'distance' }), ['coding'])).toEqual([]);
});
