import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boxIou } from './boxes/iou.js';
import type { MatcherOptions } from './matcher.js';
import { assignMaxIou } from './max-iou-assigner.js';

type Box = [number, number, number, number];
const rule: MatcherOptions = { high: 0.5, low: 0.4, lowQuality: true };

const assigned = (boxes: Box[], mask: number[], anchors: Box[], inside: number[], options = rule): number[] =>
  tf.tidy(
    () =>
      (
        assignMaxIou(
          {
            boxes: tf.tensor3d(boxes.flat(), [1, boxes.length, 4]),
            mask: tf.tensor2d(mask, [1, mask.length]),
            anchors: tf.tensor2d(anchors.flat(), [anchors.length, 4]),
            inside: tf.tensor2d(inside, [1, inside.length]),
          },
          options,
        ).arraySync() as number[][]
      )[0]!,
  );

/** The rule in plain words, for one image without padding. */
function reference(
  boxes: Box[],
  anchors: Box[],
  inside: number[],
  { high, low, lowQuality }: MatcherOptions,
): number[] {
  const iou = tf.tidy(() => boxIou(tf.tensor2d(boxes), tf.tensor2d(anchors)).arraySync());
  const part = anchors.map((_, j) => j).filter((j) => inside[j] === 1);
  const out = anchors.map(() => -2);
  for (const j of part) {
    const column = iou.map((row) => row[j]!);
    const best = Math.max(...column);
    if (best < low) out[j] = -1;
    if (best >= high) out[j] = column.indexOf(best);
  }
  if (lowQuality) {
    iou.forEach((row, g) => {
      const most = Math.max(...part.map((j) => row[j]!));
      for (const j of part) if (row[j] === most) out[j] = g;
    });
  }
  return out;
}

// A small grid makes ties and boxes that touch nothing.
const box = fc
  .tuple(
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
  )
  .map(([x, y, w, h]): Box => [x, y, x + w, y + h]);
const anchorsAndParts = fc.array(fc.tuple(box, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 12 });

it('follows the rule, whatever the padding holds', () => {
  fc.assert(
    fc.property(
      fc.array(box, { minLength: 1, maxLength: 4 }),
      anchorsAndParts,
      box,
      fc.integer({ min: 0, max: 2 }),
      fc.boolean(),
      (boxes, anchors, junk, padding, lowQuality) => {
        const [rows, inside] = [anchors.map(([row]) => row), anchors.map(([, part]) => part)];
        const padded = [...boxes, ...Array<Box>(padding).fill(junk)];
        const options = { ...rule, lowQuality };
        expect(
          assigned(
            padded,
            padded.map((_, i) => (i < boxes.length ? 1 : 0)),
            rows,
            inside,
            options,
          ),
        ).toEqual(reference(boxes, rows, inside, options));
      },
    ),
  );
});

it('gives a low-quality anchor to the ground truth that asked, to the last of several', () => {
  const boxes: Box[] = [
    [0, 0, 4, 4],
    [0, 0, 10, 4],
  ];
  expect(
    assigned(
      boxes,
      [1, 1],
      [
        [0, 0, 9, 4],
        [20, 20, 24, 24],
      ],
      [1, 1],
    ),
  ).toEqual([1, -1]);
  expect(
    assigned(
      [...boxes].reverse(),
      [1, 1],
      [
        [0, 0, 9, 4],
        [20, 20, 24, 24],
      ],
      [1, 1],
    ),
  ).toEqual([1, -1]);
});

it('keeps no low-quality match below the least', () => {
  const of = (lowQualityMin: number) =>
    assigned([[0, 0, 10, 10]], [1], [[0, 0, 10, 3]], [1], { ...rule, lowQualityMin });
  expect([of(0.29), of(0.31)]).toEqual([[0], [-1]]);
});

it('ignores anchors that take no part, and looks for the best among the others', () => {
  const boxes: Box[] = [[0, 0, 10, 10]];
  const anchors: Box[] = [
    [0, 0, 10, 10],
    [0, 0, 10, 2],
    [30, 30, 40, 40],
  ];
  expect(assigned(boxes, [1], anchors, [1, 1, 1])).toEqual([0, -1, -1]);
  expect(assigned(boxes, [1], anchors, [0, 1, 1])).toEqual([-2, 0, -1]);
  expect(assigned(boxes, [0], anchors, [0, 1, 1])).toEqual([-2, -1, -1]);
  expect(assigned([], [], anchors, [0, 1, 1])).toEqual([-2, -1, -1]);
  expect(assigned(boxes, [1], anchors, [0, 0, 0])).toEqual([-2, -2, -2]);
});
