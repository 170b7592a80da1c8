import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hintLevels } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const map = (...values: number[]): tf.Tensor4D => tf.tensor4d(values, [2, 1, 1, values.length / 2]);
const value = (loss: tf.Scalar): number => loss.dataSync()[0]!;

describe('hintLevels', () => {
  const [s, t] = [() => map(1, 2, 3, 4), () => map(0, 2, 1, 1)]; // squares 1, 0, 4, 9

  it.each([
    ['elements', 3.5],
    ['images', 7],
    ['root', Math.sqrt(14)],
  ] as const)('divides the squares by %s', (divide, expected) => {
    expect(value(hintLevels([s()], [t()], { divide }))).toBeCloseTo(expected, 5);
    expect(value(hintLevels([s(), s()], [t(), t()], { divide }))).toBeCloseTo(2 * expected, 5);
  });

  it('compares directions alone with unit length', () => {
    expect(value(hintLevels([map(3, 4, 1, 0)], [map(6, 8, 0, 5)], { unitLength: true, divide: 'images' }))).toBeCloseTo(
      1,
      6,
    );
  });

  it.each([{ unitLength: true }, { divide: 'root' }, { unitLength: true, divide: 'root' }] as const)(
    'has finite gradients where maps are zero or the same, %j',
    (options) => {
      for (const [student, teacher] of [
        [map(0, 0, 0, 0), map(0, 0, 0, 0)],
        [map(0, 0, 1, 0), map(1, 0, 1, 0)],
      ] as const) {
        const gradient = tf.grad((x: tf.Tensor) => hintLevels([x as tf.Tensor4D], [teacher], options))(student);
        expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true);
      }
    },
  );

  it('is 0 without a level, and refuses lists and shapes that do not fit', () => {
    expect(value(hintLevels([], []))).toBe(0);
    expect(() => hintLevels([s()], [])).toThrow(/1 maps of the student and 0 teacher's maps/);
    expect(() => hintLevels([s()], [map(1, 1)])).toThrow(/\[2, 1, 1, 2\].*\[2, 1, 1, 1\].*adapter/);
    expect(() => hintLevels([s()], [t()], { divide: 'cells' as 'root' })).toThrow(/divide/);
  });
});
