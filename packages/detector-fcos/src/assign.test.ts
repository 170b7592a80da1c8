import type { Targets } from '@kd/core';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { assignFcos, assignPoints, type AssignOptions, centernessOf } from './assign.js';
import { defaultRanges } from './options.js';
import { pointGrid } from './points.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

type Box = [number, number, number, number];

const targetsOf = (...images: Box[][]): Targets => {
  const most = Math.max(1, ...images.map((boxes) => boxes.length));
  return {
    boxes: tf.tensor3d(images.map((boxes) => [...boxes, ...Array<Box>(most - boxes.length).fill([0, 0, 32, 32])])),
    labels: tf.zeros([images.length, most], 'int32'),
    mask: tf.tensor2d(images.map((boxes) => Array.from({ length: most }, (_, i) => (i < boxes.length ? 1 : 0)))),
    imageSizes: images.map(() => [32, 32] as const),
    paddedSize: [32, 32],
    ids: images.map((_, i) => i),
  };
};

const everywhere: AssignOptions = { flavour: 'mmdet', radius: null, ranges: [[-1, 1e8]] };
/** Points (4, 4), (12, 4), … of a 4 x 4 grid of stride 8. */
const grid = () => pointGrid([[4, 4]], [32, 32], { flavour: 'mmdet', sizes: [8], strides: [8] });
const rows = (matched: tf.Tensor2D): number[][] => matched.arraySync() as number[][];

describe('points', () => {
  it('mmdet: centres of cells, cells of the stride around them', () => {
    const { boxes, perLevel } = pointGrid(
      [
        [2, 2],
        [1, 1],
      ],
      [32, 32],
      { flavour: 'mmdet', sizes: [16, 32], strides: [16, 32] },
    );
    expect(perLevel).toEqual([4, 1]);
    expect(boxes.arraySync()).toEqual([
      [0, 0, 16, 16],
      [16, 0, 32, 16],
      [0, 16, 16, 32],
      [16, 16, 32, 32],
      [0, 0, 32, 32],
    ]);
  });

  it('torchvision: corners of cells, the whole quotient of batch and level apart', () => {
    const { boxes } = pointGrid([[1, 3]], [32, 160], { flavour: 'torchvision', sizes: [64], strides: [64] });
    expect(boxes.arraySync()).toEqual([
      [-32, -32, 32, 32],
      [21, -32, 85, 32],
      [74, -32, 138, 32],
    ]);
  });

  it('leave no tensor behind but their boxes', () => {
    const before = tf.memory().numTensors;
    const { boxes } = grid();
    expect(tf.memory().numTensors).toBe(before + 1);
    boxes.dispose();
  });
});

describe('matches', () => {
  it('are points strictly inside of a box, the smaller box first', () => {
    const targets = targetsOf(
      [
        [0, 0, 20, 20],
        [4, 4, 13, 13],
      ],
      [[0, 0, 32, 8]],
    );
    expect(rows(assignPoints(grid(), targets, everywhere))).toEqual([
      // The second box holds (12, 12) alone: (4, 4) lies on its corner.
      [0, 0, -1, -1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1],
      [0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1],
    ]);
  });

  it('of equal areas go to the first box, and in torchvision of nearly equal areas, too', () => {
    const nearly = targetsOf([
      [0, 0, 8, 8.5],
      [0, 0, 8, 8],
    ]);
    const first = (flavour: AssignOptions['flavour']): number =>
      rows(assignPoints(grid(), nearly, { ...everywhere, flavour }))[0]![0]!;
    expect(first('mmdet')).toBe(1);
    expect(first('torchvision')).toBe(0);
    expect(
      rows(
        assignPoints(
          grid(),
          targetsOf([
            [0, 0, 8, 8],
            [1, 1, 9, 9],
          ]),
          everywhere,
        ),
      )[0]![0],
    ).toBe(0);
  });

  it('with centre sampling lie within the radius', () => {
    const targets = targetsOf([[0, 0, 32, 32]]);
    const found = (radius: number | null): number[] =>
      rows(assignPoints(grid(), targets, { ...everywhere, radius }))[0]!.flatMap((match, i) =>
        match === 0 ? [i] : [],
      );
    expect(found(null).length).toBe(16);
    expect(found(1)).toEqual([5, 6, 9, 10]);
    // The middle points are 4 pixels away along each axis: the limit itself is outside.
    expect(found(0.5)).toEqual([]);
  });

  it('need their farthest side in the range of the level: limits count in mmdet, and not in torchvision', () => {
    const targets = targetsOf([[0, 0, 16, 8]]); // point (4, 4): farthest 12, point (12, 4): farthest 12
    const found = (flavour: AssignOptions['flavour'], range: [number, number]): number =>
      rows(assignPoints(grid(), targets, { ...everywhere, flavour, ranges: [range] }))[0]![0]!;
    expect([found('mmdet', [12, 20]), found('mmdet', [3, 12]), found('mmdet', [12.5, 20])]).toEqual([0, 0, -1]);
    expect([found('torchvision', [12, 20]), found('torchvision', [3, 12]), found('torchvision', [11, 13])]).toEqual([
      -1, -1, 0,
    ]);
  });

  it('are none where there is no box, nor for padding', () => {
    const targets = targetsOf([], [[0, 0, 9, 9]]);
    expect(
      rows(assignPoints(grid(), targets, everywhere)).map((row) => row.filter((match) => match >= 0).length),
    ).toEqual([0, 1]);
    const none = { boxes: tf.zeros<tf.Rank.R3>([2, 0, 4]), mask: tf.zeros<tf.Rank.R2>([2, 0]) };
    expect(new Set(rows(assignPoints(grid(), none, everywhere)).flat())).toEqual(new Set([-1]));
  });

  it('are the same however many boxes there are, which decides the size of a chunk', () => {
    const wide = pointGrid([[16, 16]], [128, 128], { flavour: 'mmdet', sizes: [8], strides: [8] });
    const pair: Box[] = [
      [0, 0, 120, 110],
      [20, 20, 70, 80],
    ];
    const many = targetsOf([...pair, ...Array<Box>(1198).fill([0, 0, 0, 0])]);
    const [few, all] = [targetsOf(pair), many].map((targets) => rows(assignPoints(wide, targets, everywhere))[0]!);
    expect(new Set(few)).toEqual(new Set([-1, 0, 1]));
    expect(all).toEqual(few);
  });

  it('ranges are four to eight sizes, open at both ends', () => {
    expect(defaultRanges([8, 16, 32], 'torchvision')).toEqual([
      [0, 64],
      [64, 128],
      [128, Infinity],
    ]);
    expect(defaultRanges([8, 16, 32, 64, 128], 'mmdet')).toEqual([
      [-1, 64],
      [64, 128],
      [128, 256],
      [256, 512],
      [512, 1e8],
    ]);
  });
});

describe('centerness', () => {
  it('is 1 in the middle and falls to the sides', () => {
    expect([
      ...centernessOf(
        tf.tensor2d([
          [3, 5, 3, 5],
          [1, 1, 4, 1],
          [1, 2, 4, 8],
        ]),
      ).dataSync(),
    ]).toEqual([1, 0.5, 0.25]);
  });

  it('of an assignment belongs to the positives', () => {
    const { matched, positives, centerness } = assignFcos(grid(), targetsOf([[0, 0, 16, 8]], []), everywhere);
    expect([...positives.dataSync()]).toEqual([2, 0]);
    const expected = rows(matched).map((row) => row.map((match) => (match === 0 ? Math.fround(Math.sqrt(4 / 12)) : 0)));
    (centerness.arraySync() as number[][]).forEach((row, image) =>
      row.forEach((value, i) => expect(value).toBeCloseTo(expected[image]![i]!, 6)),
    );
  });
});
