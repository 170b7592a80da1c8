import type { HostTensor } from '@kd/core';
import { describe, expect, it } from 'vitest';
import { type Bank, readBank, writeBank } from './bank-format.js';

const bank: Bank = {
  info: {
    format: 2,
    step: 4,
    epoch: 2,
    classes: ['red', 'blue'],
    images: [7, 'b'],
    select: 'pgm',
    count: 10,
    sampled: [
      { images: 2, instances: 2 },
      { images: 0, instances: 0 },
    ],
    levels: [
      {
        tap: 'neck@p3',
        stride: 8,
        studentChannels: 1,
        teacherChannels: 2,
        classes: [
          { source: 'chosen', instances: 2, dropped: 0, filterIgnored: true },
          { source: 'empty', instances: 0, dropped: 0, filterIgnored: false },
        ],
      },
    ],
  },
  instances: { image: Int32Array.of(0, 1), box: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), label: Int32Array.of(0, 0) },
  levels: [
    {
      teacher: Float32Array.of(1, 2),
      student: Float32Array.of(3),
      offsets: Int32Array.of(0, 1, 1),
      instance: Int32Array.of(1),
      gain: Float64Array.of(3.5),
      energy: Float64Array.of(4, 0),
      explained: Int32Array.of(2),
      nearest: Int32Array.of(0, 0),
      cosine: Float32Array.of(0.5, 1),
    },
  ],
};

describe('the bank as tensors', () => {
  it('is the same when it is read again, and without prototypes too', () => {
    expect(readBank(writeBank(bank))).toEqual(bank);
    const level = {
      ...bank.levels[0]!,
      teacher: new Float32Array(),
      student: new Float32Array(),
      offsets: new Int32Array(3),
      instance: new Int32Array(),
      gain: new Float64Array(),
      explained: new Int32Array(),
    };
    expect(readBank(writeBank({ ...bank, levels: [level] })).levels[0]).toEqual(level);
  });

  it('gives the shapes that other programs read', () => {
    const tensors = writeBank(bank);
    expect(tensors.get('instances/box')!.shape).toEqual([2, 4]);
    expect(tensors.get('level0/teacher')).toMatchObject({ dtype: 'F32', shape: [1, 2] });
    expect(tensors.get('level0/gain')!.dtype).toBe('F64');
  });

  it.each<[string, (tensors: Map<string, HostTensor>) => void, RegExp]>([
    ['a tensor is missing', (tensors) => void tensors.delete('level0/nearest'), /level0\/nearest is missing/],
    [
      'a tensor is too short',
      (tensors) => void tensors.set('level0/teacher', { dtype: 'F32', shape: [1], data: new Float32Array(1) }),
      /level0\/teacher has 1 elements, not 2/,
    ],
    [
      'the words are none',
      (tensors) => void tensors.set('info', { dtype: 'U8', shape: [1], data: Uint8Array.of(123) }),
      /info is not JSON/,
    ],
    [
      'the format is another',
      (tensors) =>
        void tensors.set('info', { dtype: 'U8', shape: [12], data: new TextEncoder().encode('{"format":1}') }),
      /format is 1/,
    ],
  ])('is refused when %s', (_, change, message) => {
    const tensors = new Map(writeBank(bank));
    change(tensors);
    expect(() => readBank(tensors)).toThrow(message);
  });
});
