import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type RegionMaps, type RegionLossOptions, regionTerms } from './region-losses.js';

beforeAll(() => tf.setBackend('cpu'));

const [ln2, ln3] = [Math.log(2), Math.log(3)];
/** Σ p ln(p / q) of p = (1/4, 1/2, 1/4) and q uniform over three. */
const divergence = 0.5 * Math.log(0.75) + 0.5 * Math.log(1.5);

const maps = (logits: number[][], deltas: number[][]): RegionMaps => ({
  logits: tf.tensor2d(logits),
  deltas: tf.tensor2d(deltas),
});
const zeros = Array<number>(12).fill(0);
const columns = (...rows: number[][]): number[] => rows.flat();
const none = [0, 0, 0, 0];

const values = (
  crossed: RegionMaps,
  taught: RegionMaps,
  mask: number[],
  options: Partial<RegionLossOptions> = {},
): { cls: number; reg: number } => {
  const { cls, reg } = regionTerms(crossed, taught, tf.tensor1d(mask), { background: 0, temperature: 1, ...options });
  return { cls: cls.dataSync()[0]!, reg: reg.dataSync()[0]! };
};

describe('terms of a box head', () => {
  it('are the mean divergence of the regions, and L1 of the deltas of the likeliest class by its score', () => {
    const crossed = maps(
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      [columns([9, 9, 9, 9], [1, 2, 3, 4], none), columns(none, none, [8, 0, 0, 0])],
    );
    // Likeliest of the first is the second column with 1/2, of the second the third one with 0.3 behind the background.
    const taught = maps(
      [
        [0, ln2, 0],
        [ln3 + ln2, 0, ln3],
      ],
      [columns(none, [0, 2, 5, 3], none), zeros],
    );
    const kl = [0.6, 0.1, 0.3].reduce((sum, p) => sum + p * Math.log(3 * p), 0);
    const { cls, reg } = values(crossed, taught, [1, 1]);
    expect(cls).toBeCloseTo((divergence + kl) / 2, 6);
    expect(reg).toBeCloseTo((0.5 * 4 + 0.3 * 8) / (4 * (0.5 + 0.3)), 6);
  });

  it('leave out regions off the mask', () => {
    const crossed = maps(
      [
        [0, 0, 0],
        [9, 0, 0],
      ],
      [columns(none, [1, 2, 3, 4], none), columns([7, 7, 7, 7], [7, 7, 7, 7], none)],
    );
    const taught = maps(
      [
        [0, ln2, 0],
        [0, 0, 5],
      ],
      [columns(none, [0, 2, 5, 3], none), zeros],
    );
    const { cls, reg } = values(crossed, taught, [1, 0]);
    expect(cls).toBeCloseTo(divergence, 6);
    expect(reg).toBeCloseTo(1, 6);
    expect(values(crossed, taught, [0, 0])).toEqual({ cls: 0, reg: 0 });
  });

  it('soften the classes by the temperature, times its square, and the score of boxes not', () => {
    const crossed = maps([[0, 0, 0]], [columns(none, [1, 2, 3, 4], none)]);
    const taught = maps([[0, 3 * ln2, 0]], [columns(none, [0, 2, 5, 3], none)]);
    expect(values(crossed, taught, [1], { temperature: 3 }).cls).toBeCloseTo(9 * divergence, 5);
    const two = maps(
      [
        [0, 3 * ln2, 0],
        [0, 0, 0],
      ],
      [columns(none, [0, 2, 5, 3], none), zeros],
    );
    const gap = maps(
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      [columns(none, [1, 2, 3, 4], none), columns(none, [8, 0, 0, 0], none)],
    );
    expect(values(gap, two, [1, 1], { temperature: 3 }).reg).toBeCloseTo((0.8 * 4 + 8 / 3) / (4 * (0.8 + 1 / 3)), 5);
  });

  it('read a background at the end, boxes of no class, and the classes that both have', () => {
    const last = values(
      maps([[0, 0, 0]], [columns([1, 2, 3, 4], none, none)]),
      maps([[ln2, 0, 0]], [columns([0, 2, 5, 3], none, none)]),
      [1],
      { background: 2 },
    );
    expect(last.cls).toBeCloseTo(divergence, 6);
    expect(last.reg).toBeCloseTo(1, 6);
    expect(values(maps([[0, 0, 0]], [[1, 2, 3, 4]]), maps([[0, ln2, 0]], [[0, 2, 5, 3]]), [1]).reg).toBeCloseTo(1, 6);
    // Of three classes the first and the last: the middle one, which the teacher is sure of, is not there.
    const some = values(
      maps([[0, 0, 50, 0]], [columns(none, none, [9, 9, 9, 9], [1, 2, 3, 4])]),
      maps([[0, 0, 50, ln2]], [columns(none, none, none, [0, 2, 5, 3])]),
      [1],
      { classes: [2, 0] },
    );
    expect(some.cls).toBeCloseTo(divergence, 6);
    expect(some.reg).toBeCloseTo(1, 6);
  });

  it('have the gradients of the formulas, none into the teacher', () => {
    const taught = maps([[0, ln2, 0]], [columns(none, [0, 2, 5, 3], none)]);
    const at = (logits: tf.Tensor, deltas: tf.Tensor, t: tf.Tensor): tf.Scalar => {
      const { cls, reg } = regionTerms(
        { logits: logits as tf.Tensor2D, deltas: deltas as tf.Tensor2D },
        { ...taught, logits: tf.add(taught.logits, tf.mul(t, 0)) },
        tf.tensor1d([1]),
        { background: 0, temperature: 1 },
      );
      return tf.add(cls, reg);
    };
    const [logits, deltas] = tf.grads((x, d) => at(x, d, tf.scalar(0)))([
      tf.tensor2d([[0, 0, 0]]),
      tf.tensor2d([columns(none, [1, 2, 3, 4], none)]),
    ]) as [tf.Tensor, tf.Tensor];
    [1 / 3 - 1 / 4, 1 / 3 - 1 / 2, 1 / 3 - 1 / 4].forEach((expected, i) =>
      expect(logits.dataSync()[i]).toBeCloseTo(expected, 6),
    );
    // sign / 4: the one weight is the whole mean. At a gap of 0 there is no slope.
    columns(none, [0.25, 0, -0.25, 0.25], none).forEach((expected, i) =>
      expect(deltas.dataSync()[i]).toBeCloseTo(expected, 6),
    );
  });
});
