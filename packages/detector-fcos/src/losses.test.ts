import type { DetectorOutput, Targets } from '@kd/core';
import { decodeDistances } from '@kd/vision';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { assignFcos } from './assign.js';
import { fcosTerms, type TermOptions } from './losses.js';
import { pointGrid } from './points.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const CLASSES = 2;
const GRID = { sizes: [8, 16], strides: [8, 16] } as const;
const LEVELS = [
  [4, 4],
  [2, 2],
] as const;
const boxes = [
  [
    [0, 0, 20, 20],
    [3, 3, 15, 14],
  ],
  [
    [5, 1, 30, 28],
    [0, 0, 0, 0],
  ],
];
const labels = [
  [1, 0],
  [1, 0],
];
const targets = (): Targets => ({
  boxes: tf.tensor3d(boxes),
  labels: tf.tensor2d(labels, [2, 2], 'int32'),
  mask: tf.tensor2d([
    [1, 1],
    [1, 0],
  ]),
  imageSizes: [
    [32, 32],
    [32, 32],
  ],
  paddedSize: [32, 32],
  ids: [0, 1],
});

const random = (channels: number, seed: number, activate: (x: tf.Tensor) => tf.Tensor): tf.Tensor4D[] =>
  LEVELS.map(
    ([h, w], level) => activate(tf.randomNormal([2, h, w, channels], 0, 1, 'float32', seed + level)) as tf.Tensor4D,
  );
const output = (unit: number): DetectorOutput => ({
  taps: {},
  levels: [],
  updates: [],
  predictions: {
    cls: random(CLASSES, 1, (x) => x),
    // About the size of the boxes, in `unit` pixels.
    reg: random(4, 5, (x) => tf.div(tf.exp(tf.add(x, 2)), unit)),
    centerness: random(1, 9, (x) => x),
  },
});

/** Rows of an image over the levels. */
const rowsOf = (maps: readonly tf.Tensor4D[], image: number): number[][] =>
  maps.flatMap((map) => tf.reshape(tf.slice(map, image, 1), [-1, map.shape[3]]).arraySync() as number[][]);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const bce = (x: number, t: number): number => -(t * Math.log(sigmoid(x)) + (1 - t) * Math.log(1 - sigmoid(x)));
const focal = (x: number, t: number): number => (t ? 0.25 * (1 - sigmoid(x)) ** 2 : 0.75 * sigmoid(x) ** 2) * bce(x, t);

interface Overlap {
  readonly iou: number;
  readonly giou: number;
}
function overlap(a: readonly number[], b: readonly number[]): Overlap {
  const side = (axis: 0 | 1): number =>
    Math.max(0, Math.min(a[axis + 2]!, b[axis + 2]!) - Math.max(a[axis]!, b[axis]!));
  const hull = [0, 1].reduce(
    (area, axis) => area * (Math.max(a[axis + 2]!, b[axis + 2]!) - Math.min(a[axis]!, b[axis]!)),
    1,
  );
  const area = (box: readonly number[]): number => (box[2]! - box[0]!) * (box[3]! - box[1]!);
  const inter = side(0) * side(1);
  const union = area(a) + area(b) - inter;
  return { iou: inter / union, giou: inter / union - (hull - union) / hull };
}

/** The sums of the three losses, point by point in plain numbers. */
function sums(flavour: 'torchvision' | 'mmdet', box: (pair: Overlap) => number) {
  const { predictions } = output(1);
  const priors = pointGrid(LEVELS, [32, 32], { flavour, ...GRID });
  const assignment = assignFcos(priors, targets(), {
    flavour,
    radius: null,
    ranges: [
      [0, 18],
      [18, 1e8],
    ],
  });
  const matched = assignment.matched.arraySync();
  const points = priors.boxes.arraySync().map(([x1, y1, x2, y2]) => [(x1! + x2!) / 2, (y1! + y2!) / 2] as const);
  const total = { cls: 0, box: 0, weighted: 0, quality: 0, positives: 0, centerness: 0 };
  matched.forEach((row, image) => {
    const [cls, reg, quality] = ['cls', 'reg', 'centerness'].map((name) => rowsOf(predictions[name]!, image)) as [
      number[][],
      number[][],
      number[][],
    ];
    row.forEach((g, i) => {
      cls[i]!.forEach((x, k) => (total.cls += focal(x, g >= 0 && labels[image]![g] === k ? 1 : 0)));
      if (g < 0) return;
      const [x, y] = points[i]!;
      const own = boxes[image]![g]!;
      const [l, t, r, b] = [x - own[0]!, y - own[1]!, own[2]! - x, own[3]! - y];
      const centerness = Math.sqrt((Math.min(l!, r!) / Math.max(l!, r!)) * (Math.min(t!, b!) / Math.max(t!, b!)));
      const loss = box(overlap([x - reg[i]![0]!, y - reg[i]![1]!, x + reg[i]![2]!, y + reg[i]![3]!], own));
      total.positives++;
      total.centerness += centerness;
      total.box += loss;
      total.weighted += loss * centerness;
      total.quality += bce(quality[i]![0]!, centerness);
    });
  });
  return { total, priors, assignment };
}

const pixels: TermOptions['decode'] = (codes, priors) =>
  decodeDistances(codes, tf.expandDims(priors.boxes, 0), { normalizeBySize: false }) as tf.Tensor3D;
const options = (more: Partial<TermOptions>): TermOptions => ({
  flavour: 'mmdet',
  boxLoss: 'iou',
  strides: GRID.strides,
  normOnBbox: false,
  lossWeights: { classification: 1, box: 1, centerness: 1 },
  classes: CLASSES,
  decode: pixels,
  ...more,
});
const numbers = (terms: Readonly<Record<string, tf.Scalar>>): Record<string, number> =>
  Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.dataSync()[0]!]));

function expectTerms(terms: Readonly<Record<string, tf.Scalar>>, wanted: Readonly<Record<string, number>>): void {
  const got = numbers(terms);
  expect(Object.keys(got)).toEqual(Object.keys(wanted));
  for (const [name, value] of Object.entries(wanted))
    expect(Math.abs(got[name]! / value - 1), `${name}: ${got[name]!}, expected ${value}`).toBeLessThan(1e-5);
}

describe('terms', () => {
  it.each(['iou', 'giou'] as const)(
    'mmdet, %s: the box loss is weighted by centerness and divided by its sum',
    (boxLoss) => {
      const { total, priors, assignment } = sums('mmdet', ({ iou, giou }) =>
        boxLoss === 'iou' ? -Math.log(Math.max(iou, 1e-6)) : 1 - giou,
      );
      expect(total.positives).toBeGreaterThan(5);
      expectTerms(fcosTerms(output(1), priors, assignment, targets(), options({ boxLoss })), {
        classification: total.cls / total.positives,
        bbox_regression: total.weighted / total.centerness,
        bbox_ctrness: total.quality / total.positives,
      });
    },
  );

  it('torchvision: all three are divided by the positives of the batch', () => {
    const { total, priors, assignment } = sums('torchvision', ({ giou }) => 1 - giou);
    expectTerms(
      fcosTerms(output(1), priors, assignment, targets(), options({ flavour: 'torchvision', boxLoss: 'giou' })),
      {
        classification: total.cls / total.positives,
        bbox_regression: total.box / total.positives,
        bbox_ctrness: total.quality / total.positives,
      },
    );
  });

  it('distances in strides give the loss of the same distances in pixels', () => {
    const { priors, assignment } = sums('mmdet', () => 0);
    const plain = output(1);
    const inStrides = {
      ...plain,
      predictions: {
        ...plain.predictions,
        reg: plain.predictions['reg']!.map((map, level) => tf.div(map, GRID.strides[level]!) as tf.Tensor4D),
      },
    };
    expectTerms(
      fcosTerms(inStrides, priors, assignment, targets(), options({ normOnBbox: true })),
      numbers(fcosTerms(plain, priors, assignment, targets(), options({}))),
    );
  });

  it('without a positive are 0 for boxes and centerness, with gradient 0', () => {
    const empty = { ...targets(), mask: tf.zeros<tf.Rank.R2>([2, 2]) };
    const priors = pointGrid(LEVELS, [32, 32], { flavour: 'mmdet', ...GRID });
    const assignment = assignFcos(priors, empty, {
      flavour: 'mmdet',
      radius: null,
      ranges: [
        [0, 18],
        [18, 1e8],
      ],
    });
    const { predictions, ...rest } = output(1);
    const terms = (reg: tf.Tensor) =>
      fcosTerms(
        { ...rest, predictions: { ...predictions, reg: [reg as tf.Tensor4D, predictions['reg']![1]!] } },
        priors,
        assignment,
        empty,
        options({}),
      );
    expect(numbers(terms(predictions['reg']![0]!))).toMatchObject({ bbox_regression: 0, bbox_ctrness: 0 });
    const slopes = tf
      .grad((reg) => terms(reg).bbox_regression)(predictions['reg']![0]!)
      .dataSync();
    expect(slopes.every((slope) => slope === 0)).toBe(true);
  });
});
