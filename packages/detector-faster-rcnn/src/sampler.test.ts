import { createStepRng } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomRows, type SampleSize } from './sampler.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** One image a row: `+` may be drawn as a positive, `-` as a negative, `.` not at all. */
const draw = (rows: readonly string[], size: SampleSize, seed = 1): string[] => {
  const kind = (wanted: string): tf.Tensor2D =>
    tf.tensor2d(
      rows.map((row) => [...row].map((one) => one === wanted)),
      undefined,
      'bool',
    );
  const mask = randomRows('roi', { positive: kind('+'), negative: kind('-') }, size, createStepRng(seed)).arraySync();
  return rows.map((row, image) => [...row].filter((_, i) => mask[image]![i] === 1).join(''));
};
const count = (drawn: string, kind: string): number => [...drawn].filter((one) => one === kind).length;

describe('randomRows', () => {
  it('takes positives up to their share, and fills with negatives', () => {
    const [many, few, none] = draw(['++++++..------', '+---...-------', '.....---------'], {
      batchSize: 6,
      positiveFraction: 0.5,
    });
    expect([count(many!, '+'), count(many!, '-')]).toEqual([3, 3]);
    expect([count(few!, '+'), count(few!, '-')]).toEqual([1, 5]);
    expect([count(none!, '+'), count(none!, '-')]).toEqual([0, 6]);
  });

  it('takes nothing where there is none', () => {
    const size = { batchSize: 4, positiveFraction: 0.5 };
    expect(draw(['...', '...'], size)).toEqual(['', '']);
    const none = tf.zeros<tf.Rank.R2>([2, 0], 'bool');
    expect(randomRows('roi', { positive: none, negative: none }, size, createStepRng(1)).shape).toEqual([2, 0]);
  });

  it('takes everything where there is room, and only positives where there is nothing else', () => {
    expect(draw(['+-+.--'], { batchSize: 1000, positiveFraction: 0.5 })).toEqual(['+-+--']);
    expect(draw(['++++..'], { batchSize: 4, positiveFraction: 0.5 })).toEqual(['++']);
    expect(draw(['+-+---'], { batchSize: 2, positiveFraction: 0 })).toEqual(['--']);
  });

  it('draws every row as often as any other', () => {
    const times = new Float32Array(10);
    const negative = tf.cast(tf.ones<tf.Rank.R2>([1, 10]), 'bool');
    for (let seed = 0; seed < 400; seed++) {
      randomRows(
        'rpn',
        { positive: tf.logicalNot(negative), negative },
        { batchSize: 3, positiveFraction: 0.5 },
        createStepRng(seed),
      )
        .dataSync()
        .forEach((one, i) => (times[i]! += one));
    }
    // 120 each, with a deviation of 9: 40 is over four of them. The 400 seeds are the same in every run.
    for (const often of times) expect(Math.abs(often - 120)).toBeLessThan(40);
  });
});
