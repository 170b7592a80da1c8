import { expect, it } from 'vitest';
import { checkSameClasses, headDifferences } from './compare-detectors.js';
import type { DenseInfo, Detector } from '../contract/detector.js';

const detector = (...names: string[]): Detector =>
  ({ categories: names.map((name, id) => ({ id, name })) }) as unknown as Detector;
const head = (change: Partial<DenseInfo> = {}): DenseInfo => ({
  boxes: 'delta',
  priorsPerCell: 1,
  coding: { strides: [8], scale: 4 },
  ...change,
});

it('classes must be the same in the same order', () => {
  expect(() => checkSameClasses('kd', { student: detector('a', 'b'), teacher: detector('a', 'b') })).not.toThrow();
  expect(() => checkSameClasses('kd', { student: detector('a', 'b'), teacher: detector('b', 'a') })).toThrow(
    /kd: the classes differ: the same classes in another order\. Give the student's data the teacher's list: "classes": \["b","a"\]/,
  );
  expect(() => checkSameClasses('kd', { student: detector('a'), teacher: detector('a', 'b') })).toThrow(
    /only the teacher has b\. Train the teacher on the classes of the student/,
  );
});

it('heads differ in what they say of themselves, whatever the order of the keys', () => {
  expect(headDifferences(head(), head({ coding: { scale: 4, strides: [8] } }))).toEqual([]);
  expect(headDifferences(head(), head({ boxes: 'distance', priorsPerCell: 3 }))).toEqual([
    'boxes of the student "delta", of the teacher "distance"',
    'priorsPerCell of the student 1, of the teacher 3',
  ]);
  expect(headDifferences(head(), head({ boxes: 'distance' }), ['coding'])).toEqual([]);
});
