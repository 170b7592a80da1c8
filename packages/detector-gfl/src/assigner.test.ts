import '@tensorflow/tfjs-backend-cpu';
import type { Priors, Targets } from '@kd/core';
import { anchorGrid } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { assignAtss } from './assigner.js';
import { centernessTargets } from './centerness.js';
import { gridOf } from './anchors.js';

const strides = [8, 16];
const priors = (): Priors =>
  anchorGrid(
    [
      [4, 4],
      [2, 2],
    ],
    [32, 32],
    gridOf({ strides, anchorScale: 2 }),
  );

const targetsOf = (
  boxes: number[][][],
  imageSizes: Targets['imageSizes'] = boxes.map(() => [32, 32] as const),
): Targets => ({
  boxes: tf.tensor3d(boxes.flat(2), [boxes.length, boxes[0]!.length, 4]),
  labels: tf.zeros([boxes.length, boxes[0]!.length], 'int32'),
  mask: tf.tensor2d(
    boxes.flat().map(([x1, , x2]) => (x2! > x1! ? 1 : 0)),
    [boxes.length, boxes[0]!.length],
  ),
  imageSizes,
  paddedSize: [32, 32],
  ids: boxes.map((_, i) => i),
});

const options = { topk: 9, sizeDivisible: 8 };
const assign = (targets: Targets, more: Partial<typeof options> = {}): number[][] =>
  assignAtss(priors(), targets, { ...options, ...more }).matched.arraySync();
const nobody = -1;

describe('assignAtss', () => {
  it('makes an anchor that covers its object alone positive', () => {
    // The anchor of cell (1, 2): centre (16, 8), side 16.
    const [row] = assign(targetsOf([[[8, 0, 24, 16]]]));
    expect(row!.flatMap((g, i) => (g >= 0 ? [i] : []))).toEqual([6]);
  });

  it('counts images without objects, and batches without room for one, as background', () => {
    const none = Array.from({ length: 20 }, () => nobody);
    expect(assign(targetsOf([[[0, 0, 0, 0]]]))).toEqual([none]);
    const { matched, positives } = assignAtss(priors(), targetsOf([[], []]), options);
    expect(matched.arraySync()).toEqual([none, none]);
    expect(positives.arraySync()).toEqual([0, 0]);
  });

  it('ignores what lies outside of an image, and has no candidate there', () => {
    const box = [[[0, 0, 16, 16]]];
    const narrow = assign(targetsOf(box, [[16, 16]]))[0]!;
    const inImage = [0, 1, 4, 5, 16];
    narrow.forEach((g, i) => expect(g === -2).toBe(!inImage.includes(i)));
    // IoU of 4 + 1 candidates: 1/7 (corner), 1/3 (two edges), 1 (whole), 1/7 (coarse level, centred on the corner:
    // 16·16 of 16·16 + 32·32 − 16·16).
    expect(narrow.flatMap((g, i) => (g >= 0 ? [i] : []))).toEqual([5]);
  });

  it('gives an anchor that two objects want to the one of higher IoU, and to the first of equals', () => {
    const [better, equal] = assign(
      targetsOf([
        [
          [8, 0, 24, 18],
          [8, 0, 24, 16],
        ],
        [
          [8, 0, 24, 16],
          [8, 0, 24, 16],
        ],
      ]),
    );
    expect(better![6]).toBe(1);
    expect(equal![6]).toBe(0);
    expect(equal).not.toContain(1);
  });

  it('wants the centre of an anchor inside of its object by more than a hundredth of a pixel', () => {
    const grid = anchorGrid([[4, 4]], [32, 32], gridOf({ strides: [8], anchorScale: 2 }));
    // The nearest centre is (8, 8), and the only candidate reaches its own IoU.
    const at = (x2: number): number =>
      assignAtss(grid, targetsOf([[[0, 0, x2, 16]]]), { ...options, topk: 1 }).matched.arraySync()[0]![5]!;
    expect(at(8.02)).toBe(0);
    expect(at(8.005)).toBe(nobody);
  });

  it('takes as many candidates a level as asked, the nearest', () => {
    const few = assign(targetsOf([[[0, 0, 32, 32]]]), { topk: 1 })[0]!;
    const many = assign(targetsOf([[[0, 0, 32, 32]]]), { topk: 16 })[0]!;
    // One of 16 x 16 and one of 32 x 32 pixels: IoU 1/4 and 1; their mean and deviation give 1.155, which neither
    // reaches.
    expect(few.every((g) => g === nobody)).toBe(true);
    expect(many.filter((g) => g >= 0)).toHaveLength(1);
    expect(many[19]).toBe(0);
  });
});

describe('centernessTargets', () => {
  it('is 1 in the middle, falls to the sides, and is 0 for anchors without an object', () => {
    const targets = targetsOf([[[8, 0, 24, 16]]]);
    const matched = tf.fill([1, 20], nobody, 'int32') as tf.Tensor2D;
    const places = tf.tensor2d(
      [Array.from({ length: 20 }, (_, i) => (i === 6 || i === 5 ? 0 : nobody))],
      [1, 20],
      'int32',
    );
    expect(
      centernessTargets(priors(), targets, matched)
        .dataSync()
        .every((value) => value === 0),
    ).toBe(true);
    const off = targetsOf([[[4, 0, 24, 16]]]);
    const row = centernessTargets(priors(), off, places).dataSync();
    // Centres (16, 8) and (8, 8) in a box from 4 to 24 by 0 to 16: sqrt(8 / 12), sqrt(4 / 16).
    expect(row[6]).toBeCloseTo(Math.sqrt(8 / 12), 6);
    expect(row[5]).toBeCloseTo(0.5, 6);
    expect(centernessTargets(priors(), targets, places).dataSync()[6]).toBe(1);
    expect([...row].filter((value) => value > 0)).toHaveLength(2);
  });
});
