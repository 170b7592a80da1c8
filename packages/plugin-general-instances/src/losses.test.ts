import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { nms } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  featureLoss,
  type PooledInstances,
  relationLoss,
  responseLosses,
  responseMask,
  type ScoredBoxes,
  selectInstances,
} from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const SIZE = [60, 80] as const;

/** Boxes of any place and size, also beyond the image, and scores. */
function scored(seed: number, count = 200): ScoredBoxes {
  const corners = tf.randomUniform<tf.Rank.R3>([2, count, 2], -10, 70, 'float32', seed);
  const sides = tf.randomUniform<tf.Rank.R3>([2, count, 2], 2, 30, 'float32', seed + 1);
  return {
    boxes: tf.concat([corners, tf.add(corners, sides)], 2),
    scores: tf.randomUniform([2, count], 0, 1, 'float32', seed + 2),
  };
}

const select = (student: ScoredBoxes, teacher: ScoredBoxes, topk = 10) =>
  selectInstances(student, teacher, { topk, imageSizes: [SIZE, SIZE] });

describe('selectInstances', () => {
  it('is the suppression of all boxes by how much the scores differ, each box from the surer model', () => {
    const [student, teacher] = [scored(1), scored(11)];
    const found = select(student, teacher);
    const [ss, ts] = [student.scores.arraySync(), teacher.scores.arraySync()];
    const [sb, tb] = [student.boxes.arraySync(), teacher.boxes.arraySync()];
    [0, 1].forEach((image) => {
      const boxes = ss[image]!.map((score, i) => (ts[image]![i]! > score ? tb : sb)[image]![i]!).map(
        ([x1, y1, x2, y2]) => [Math.max(0, x1!), Math.max(0, y1!), Math.min(80, x2!), Math.min(60, y2!)],
      );
      const large = boxes.flatMap(([x1, y1, x2, y2], i) => (x2! - x1! > 10 && y2! - y1! > 10 ? [i] : []));
      const differences = large.map((i) => Math.abs(ts[image]![i]! - ss[image]![i]!));
      const kept = nms(Float32Array.from(large.flatMap((i) => boxes[i]!)), Float32Array.from(differences), {
        threshold: 0.3,
        limit: 10,
      });
      expect(kept).toHaveLength(10);
      [...kept].forEach((i, row) => {
        const got = (found.boxes.arraySync() as number[][][])[image]![row]!;
        boxes[large[i]!]!.forEach((corner, axis) => expect(got[axis]).toBeCloseTo(corner, 4));
        expect(found.scores.arraySync()[image]![row]).toBeCloseTo(differences[i]!, 6);
      });
    });
    expect(tf.sum(found.mask).dataSync()[0]).toBe(20);
  });

  it('leaves rows of zeros where there are no more', () => {
    const one: ScoredBoxes = {
      boxes: tf.tensor3d([
        [
          [0, 0, 20, 20],
          [1, 1, 21, 21],
          [30, 30, 40, 70],
        ],
      ]), // the last is 10 wide
      scores: tf.tensor2d([[0.5, 0.5, 0.9]]),
    };
    // Equal scores differ by nothing, and are instances all the same: the first of a heap stays.
    const found = selectInstances(one, one, { topk: 3, imageSizes: [SIZE] });
    expect(found.mask.arraySync()).toEqual([[1, 0, 0]]);
    expect(found.boxes.arraySync()).toEqual([
      [
        [0, 0, 20, 20],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ],
    ]);
    expect(found.scores.arraySync()).toEqual([[0, 0, 0]]);
    const none = { boxes: tf.zeros<tf.Rank.R3>([1, 0, 4]), scores: tf.zeros<tf.Rank.R2>([1, 0]) };
    expect(selectInstances(none, none, { topk: 2, imageSizes: [SIZE] }).mask.arraySync()).toEqual([[0, 0]]);
  });
});

describe('responseMask', () => {
  const anchors = (): tf.Tensor2D => tf.tensor2d([0, 8, 16, 24].map((x) => [x, 0, x + 16, 16]));
  const mask = (boxes: number[][], on: number[]): unknown =>
    responseMask(anchors(), { boxes: tf.tensor3d([boxes]), mask: tf.tensor2d([on]) }).arraySync();

  it('takes anchors from the overlap on, and the best of every instance however small', () => {
    expect(mask([[2, 0, 18, 16]], [1])).toEqual([[1, 0, 0, 0]]);
    expect(mask([[4, 0, 20, 16]], [1])).toEqual([[1, 1, 0, 0]]); // 0.6 each
    expect(mask([[36, 0, 40, 4]], [1])).toEqual([[0, 0, 0, 1]]);
  });

  it('takes none for what overlaps none, and for rows off the mask', () => {
    expect(mask([[100, 100, 120, 120]], [1])).toEqual([[0, 0, 0, 0]]);
    expect(
      mask(
        [
          [0, 0, 16, 16],
          [0, 0, 0, 0],
        ],
        [0, 0],
      ),
    ).toEqual([[0, 0, 0, 0]]);
  });
});

describe('losses of pooled instances', () => {
  const pooled = (on: number[]): PooledInstances => ({
    student: tf.randomNormal([1, on.length, 2, 2, 3], 0, 1, 'float32', 1),
    teacher: tf.randomNormal([1, on.length, 2, 2, 3], 0, 1, 'float32', 2),
    mask: tf.tensor2d([on]),
  });
  const rows = (x: tf.Tensor): number[][] => tf.reshape(x, [x.shape[1]!, -1]).arraySync() as number[][];
  const value = (x: tf.Scalar): number => x.dataSync()[0]!;
  const squares = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0);

  it('compare features over instances and bins', () => {
    const all = pooled([1, 0, 1, 1]);
    const [s, t] = [rows(all.student), rows(all.teacher)];
    const wanted = [0, 2, 3].reduce((sum, i) => sum + squares(s[i]!, t[i]!), 0) / 12;
    expect(value(featureLoss(all))).toBeCloseTo(wanted, 5);
    expect(value(featureLoss({ ...all, student: all.teacher }))).toBe(0);
  });

  it('compare distances over their mean, over n² - n, and have the gradient of differences', () => {
    const all = pooled([1, 1, 0, 1]);
    const relative = (x: tf.Tensor): number[] => {
      const own = rows(x).filter((_, i) => i !== 2);
      const distances = own.flatMap((a) => own.map((b) => Math.sqrt(squares(a, b))));
      const mean = distances.reduce((sum, d) => sum + d, 0) / 6;
      return distances.map((d) => d / mean);
    };
    const huber = (d: number): number => (Math.abs(d) < 1 ? d * d * 0.5 : Math.abs(d) - 0.5);
    const wanted = (x: tf.Tensor): number =>
      relative(x).reduce((sum, d, i) => sum + huber(d - relative(all.teacher)[i]!), 0) / 6;
    expect(value(relationLoss(all))).toBeCloseTo(wanted(all.student), 5);
    const slopes = tf.grad((student) => relationLoss({ ...all, student: student as tf.Tensor5D }))(all.student);
    const values = [...all.student.dataSync()];
    const moved = (step: number): number =>
      wanted(
        tf.tensor5d(
          values.map((x, i) => (i === 5 ? x + step : x)),
          all.student.shape,
        ),
      );
    expect(slopes.dataSync()[5]).toBeCloseTo((moved(0.01) - moved(-0.01)) / 0.02, 3);
    // What is off the mask moves nothing.
    expect([...slopes.dataSync()].slice(24, 36).every((slope) => slope === 0)).toBe(true);
  });

  it.each([[[0, 0, 0]], [[1, 0, 0]], [[1, 1, 0]]])('have no relation with %j, and are finite', (on) => {
    const all = pooled(on);
    expect(value(relationLoss(all))).toBe(0);
    for (const loss of [featureLoss, relationLoss]) {
      const slopes = tf
        .grad((student) => loss({ ...all, student: student as tf.Tensor5D }))(all.student)
        .dataSync();
      expect(slopes.every(Number.isFinite)).toBe(true);
    }
    expect(value(featureLoss(all)) > 0).toBe(on[0] === 1);
  });

  it('are finite where all instances are one', () => {
    const same = tf.ones<tf.Rank.R5>([1, 4, 2, 2, 3]);
    const all = { student: same, teacher: same, mask: tf.ones<tf.Rank.R2>([1, 4]) };
    expect(value(relationLoss(all))).toBe(0);
    expect(
      tf
        .grad((student) => relationLoss({ ...all, student: student as tf.Tensor5D }))(same)
        .dataSync()
        .every(Number.isFinite),
    ).toBe(true);
  });
});

describe('responseLosses', () => {
  it('sum over the anchors of the mask, and divide by their number', () => {
    const classes = (seed: number) => tf.randomNormal<tf.Rank.R3>([1, 3, 2], 0, 1, 'float32', seed);
    const boxes = (seed: number) => tf.randomNormal<tf.Rank.R3>([1, 3, 4], 0, 1, 'float32', seed);
    const of = (mask: number[]) =>
      responseLosses({
        studentClasses: classes(1),
        teacherClasses: classes(2),
        studentBoxes: boxes(3),
        teacherBoxes: boxes(4),
        mask: tf.tensor2d([mask]),
      });
    const each = [0, 1, 2].map((i) => of([0, 1, 2].map((j) => (i === j ? 1 : 0))));
    const two = of([1, 0, 1]);
    for (const part of ['cls', 'reg'] as const) {
      const [first, , last] = each.map((one) => one[part].dataSync()[0]!);
      expect(two[part].dataSync()[0]).toBeCloseTo((first! + last!) / 2, 5);
      expect(of([0, 0, 0])[part].dataSync()[0]).toBe(0);
    }
    const [s, t] = [boxes(3).arraySync()[0]![1]!, boxes(4).arraySync()[0]![1]!];
    expect(each[1]!.reg.dataSync()[0]).toBeCloseTo(
      s.reduce((sum, x, i) => sum + Math.abs(x - t[i]!), 0),
      5,
    );
  });
});
