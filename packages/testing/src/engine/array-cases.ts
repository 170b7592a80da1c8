import * as tf from '@tensorflow/tfjs-core';
import { type EngineCase, flags, given, numbers, whole } from './engine-case.js';
import { at, mapped, nd, type Nd, reduced } from './nd.js';

const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: number[]): number => total(values) / values.length;
const product = (values: number[]): number => values.reduce((a, b) => a * b, 1);

const AXES = [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]];
const x = numbers([3, 4, 5]);

type Reduction = readonly [string, (x: tf.Tensor, axes: number[]) => tf.Tensor, (values: number[]) => number];
const REDUCTIONS: readonly Reduction[] = [
  ['sum', (of, axes) => tf.sum(of, axes), total],
  ['mean', (of, axes) => tf.mean(of, axes), mean],
  ['max', (of, axes) => tf.max(of, axes), (values) => Math.max(...values)],
  ['min', (of, axes) => tf.min(of, axes), (values) => Math.min(...values)],
];

const softmaxOf = (of: Nd): Nd => {
  const last = of.shape.length - 1;
  const sums = reduced(of, [last], (values) => total(values.map(Math.exp)));
  return nd(of.shape, (place) => Math.exp(at(of, place)) / at(sums, place.slice(0, last)));
};
const permuted = (of: Nd, order: readonly number[]): Nd =>
  nd(
    order.map((axis) => of.shape[axis]!),
    (place) =>
      at(
        of,
        order.map((_, axis) => place[order.indexOf(axis)]!),
      ),
  );

export const arrayCases: readonly EngineCase[] = [
  ...REDUCTIONS.flatMap(([name, run, f]) =>
    AXES.map(
      (axes): EngineCase => ({
        name: `${name} along ${axes.join(', ')}`,
        inputs: [x],
        run: (of: tf.Tensor) => run(of, axes),
        reference: (of: Nd) => reduced(of, axes, f),
      }),
    ),
  ),
  ...AXES.slice(0, 4).map(
    (axes): EngineCase => ({
      name: `prod along ${axes.join(', ')}`,
      inputs: [numbers([3, 4, 2])],
      run: (of: tf.Tensor) => tf.prod(of, axes),
      reference: (of: Nd) => reduced(of, axes, product),
      gradient: false,
    }),
  ),
  {
    name: 'sum of int32',
    inputs: [whole([3, 5], 9)],
    run: (of: tf.Tensor) => tf.sum(of, 0),
    reference: (of: Nd) => reduced(of, [0], total),
  },
  {
    name: 'max of int32 along two axes',
    inputs: [whole([3, 4, 5], 50)],
    run: (of: tf.Tensor) => tf.max(of, [0, 2]),
    reference: (of: Nd) => reduced(of, [0, 2], (values) => Math.max(...values)),
  },
  ...REDUCTIONS.map(
    ([name, run, f]): EngineCase => ({
      name: `${name} with what is no number`,
      inputs: [given([2, 3], [1, NaN, 2, 3, 4, 5])],
      run: (of: tf.Tensor) => run(of, [1]),
      reference: (of: Nd) => reduced(of, [1], f),
      gradient: false,
    }),
  ),
  {
    name: 'softmax with what is no number',
    inputs: [given([2, 3], [1, NaN, 2, 3, 4, 5])],
    run: (of: tf.Tensor) => tf.softmax(of),
    reference: softmaxOf,
    gradient: false,
  },
  ...([0, 1] as const).flatMap((axis): EngineCase[] => [
    {
      name: `all along ${axis}`,
      inputs: [flags([3, 5])],
      run: (of: tf.Tensor) => tf.all(of, axis),
      reference: (of: Nd) => reduced(of, [axis], (values) => +values.every(Boolean)),
    },
    {
      name: `any along ${axis}`,
      inputs: [flags([2, 4])],
      run: (of: tf.Tensor) => tf.any(of, axis),
      reference: (of: Nd) => reduced(of, [axis], (values) => +values.some(Boolean)),
    },
    {
      name: `argMax along ${axis}, the first of equal ones`,
      inputs: [given([3, 4], [1, 5, 5, 2, -1, -3, -1, -2, 0, 0, 0, 0])],
      run: (of: tf.Tensor) => tf.argMax(of, axis),
      reference: (of: Nd) => reduced(of, [axis], (values) => values.indexOf(Math.max(...values))),
    },
    {
      name: `cumsum along ${axis}`,
      inputs: [numbers([3, 5])],
      run: (of: tf.Tensor) => tf.cumsum(of, axis),
      reference: (of: Nd) =>
        nd(of.shape, (place) => total(Array.from({ length: place[axis]! + 1 }, (_, i) => at(of, place.with(axis, i))))),
    },
  ]),
  {
    name: 'softmax',
    inputs: [numbers([3, 4, 7])],
    run: (of: tf.Tensor) => tf.softmax(of),
    reference: softmaxOf,
  },
  ...[
    [0, 2, 1],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
  ].map(
    (order): EngineCase => ({
      name: `transpose ${order.join(', ')}`,
      inputs: [x],
      run: (of: tf.Tensor) => tf.transpose(of, order),
      reference: (of: Nd) => permuted(of, order),
    }),
  ),
  ...[
    numbers([5, 7]),
    numbers([18, 20]),
    whole([5, 7], 9),
    flags([4, 6]),
    given([1, 2], [2 ** 24 + 1, -7], 'int32'),
  ].map(
    (of): EngineCase => ({
      name: `transpose of ${of.dtype} [${of.shape.join(', ')}]`,
      inputs: [of],
      run: (one: tf.Tensor) => tf.transpose(one),
      reference: (one: Nd) => permuted(one, [1, 0]),
    }),
  ),
  {
    name: 'transpose of int32 made a float',
    inputs: [whole([2, 3, 4], 9)],
    run: (of: tf.Tensor) => tf.transpose(tf.cast(of, 'float32'), [2, 0, 1]),
    reference: (of: Nd) => permuted(of, [2, 0, 1]),
  },
  {
    name: 'transpose of five axes',
    inputs: [numbers([2, 3, 2, 3, 2])],
    run: (of: tf.Tensor) => tf.transpose(of, [3, 1, 4, 0, 2]),
    reference: (of: Nd) => permuted(of, [3, 1, 4, 0, 2]),
  },
  ...([0, 1, 2] as const).map(
    (axis): EngineCase => ({
      name: `concat along ${axis}`,
      inputs: [x, numbers([3, 4, 5].with(axis, 2), 70)],
      run: (a: tf.Tensor, b: tf.Tensor) => tf.concat([a, b], axis),
      reference: (a: Nd, b: Nd) =>
        nd(a.shape.with(axis, a.shape[axis]! + 2), (place) => {
          const i = place[axis]! - a.shape[axis]!;
          return i < 0 ? at(a, place) : at(b, place.with(axis, i));
        }),
    }),
  ),
  {
    name: 'slice',
    inputs: [x],
    run: (of: tf.Tensor) => tf.slice(of, [1, 0, 2], [2, 3, 3]),
    reference: (of: Nd) => nd([2, 3, 3], ([i, j, k]) => at(of, [i! + 1, j!, k! + 2])),
  },
  {
    name: 'pad with a number',
    inputs: [x],
    run: (of: tf.Tensor) =>
      tf.pad(
        of,
        [
          [1, 0],
          [0, 2],
          [1, 1],
        ],
        0.5,
      ),
    reference: (of: Nd) =>
      nd([4, 6, 7], ([i, j, k]) => (i! < 1 || j! >= 4 || k! < 1 || k! > 5 ? 0.5 : at(of, [i! - 1, j!, k! - 1]))),
  },
  {
    name: 'reverse',
    inputs: [x],
    run: (of: tf.Tensor) => tf.reverse(of, [0, 2]),
    reference: (of: Nd) => nd([3, 4, 5], ([i, j, k]) => at(of, [2 - i!, j!, 4 - k!])),
  },
  {
    name: 'floorDiv of int32',
    inputs: [whole([3, 5], 17), given([5], [1, 2, 3, 5, 7], 'int32')],
    run: (a: tf.Tensor, b: tf.Tensor) => tf.floorDiv(a, b),
    reference: (a: Nd, b: Nd) => mapped((one, by) => Math.floor(one / by), a, b),
  },
  {
    name: 'nonMaxSuppressionPadded, one of two boxes on each other',
    inputs: [given([4, 4], [0, 0, 2, 2, 0, 0, 2, 1.9, 5, 5, 7, 7, 9, 9, 9.5, 9.5]), given([4], [0.8, 0.9, 0.7, 0.05])],
    run: (boxes: tf.Tensor2D, scores: tf.Tensor1D) =>
      tf.image.nonMaxSuppressionPadded(boxes, scores, 4, 0.5, 0.1, true).selectedIndices!,
    reference: () => ({ shape: [4], values: [1, 2, 0, 0] }),
  },
  {
    name: 'nonMaxSuppressionPadded of many boxes, equal scores among them',
    inputs: [
      nd([300, 4], ([i, k]) => {
        const [y, x] = [(i! * 37) % 50, (i! * 61) % 53];
        return [y, x, y + 4 + (i! % 7), x + 5 + (i! % 3)][k!]!;
      }),
      nd([300], ([i]) => ((i! * 29) % 64) / 64),
    ].map((one) => ({ ...one, dtype: 'float32' as const })),
    run: (boxes: tf.Tensor2D, scores: tf.Tensor1D) =>
      tf.image.nonMaxSuppressionPadded(boxes, scores, 250, 0.3, 0.1, true).selectedIndices!,
    reference: (boxes: Nd, scores: Nd) => {
      const corners = (i: number): number[] => [0, 1, 2, 3].map((k) => at(boxes, [i, k]));
      const size = ([y0, x0, y1, x1]: number[]): number => Math.max(0, y1! - y0!) * Math.max(0, x1! - x0!);
      const overlap = (i: number, j: number): number => {
        const [a, b] = [corners(i), corners(j)];
        const both = size(a.map((value, k) => (k < 2 ? Math.max(value, b[k]!) : Math.min(value, b[k]!))));
        return both / (size(a) + size(b) - both);
      };
      const chosen: number[] = [];
      const order = scores.values.map((_, i) => i).sort((i, j) => scores.values[j]! - scores.values[i]! || i - j);
      for (const i of order)
        if (chosen.length < 250 && scores.values[i]! > 0.1 && chosen.every((j) => overlap(i, j) < 0.3)) chosen.push(i);
      return nd([250], ([i]) => chosen[i!] ?? 0);
    },
  },
  {
    name: 'tile',
    inputs: [numbers([2, 3])],
    run: (of: tf.Tensor) => tf.tile(of, [2, 3]),
    reference: (of: Nd) => nd([4, 9], ([i, j]) => at(of, [i! % 2, j! % 3])),
  },
  // Whole numbers and truths, whose kernels are those of floats on some engines.
  ...(
    [
      ['concat', (of) => tf.concat([of, of], 1), (of) => nd([3, 8], ([i, j]) => at(of, [i!, j! % 4]))],
      ['slice', (of) => tf.slice(of, [1, 1], [2, 2]), (of) => nd([2, 2], ([i, j]) => at(of, [i! + 1, j! + 1]))],
      ['reverse', (of) => tf.reverse(of, 1), (of) => nd([3, 4], ([i, j]) => at(of, [i!, 3 - j!]))],
      ['tile', (of) => tf.tile(of, [2, 1]), (of) => nd([6, 4], ([i, j]) => at(of, [i! % 3, j!]))],
      [
        'gather',
        (of) => tf.gather(of, tf.tensor1d([2, 0], 'int32')),
        (of) => nd([2, 4], ([i, j]) => at(of, [2 - 2 * i!, j!])),
      ],
      ['stack', (of) => tf.stack([of, of]), (of) => nd([2, 3, 4], ([, i, j]) => at(of, [i!, j!]))],
      ['unstack', (of) => tf.unstack(of)[1]!, (of) => nd([4], ([j]) => at(of, [1, j!]))],
      ['split', (of) => tf.split(of, 2, 1)[1]!, (of) => nd([3, 2], ([i, j]) => at(of, [i!, j! + 2]))],
      ['reshape', (of) => tf.reshape(of, [12]), ({ values }) => ({ shape: [12], values })],
      ['a copy', (of) => tf.clone(of), (of) => of],
    ] as readonly (readonly [string, (of: tf.Tensor) => tf.Tensor, (of: Nd) => Nd])[]
  ).flatMap(([name, run, reference]) =>
    [whole([3, 4], 9), flags([3, 4])].map(
      (of): EngineCase => ({
        name: `${name} of ${of.dtype}`,
        inputs: [of],
        run: (one: tf.Tensor) => run(one),
        reference,
      }),
    ),
  ),
  // Axes longer than a group of threads, some kernels being others there.
  ...REDUCTIONS.flatMap(([name, run, f]) =>
    [[2, 300], [4100]].map(
      (shape): EngineCase => ({
        name: `${name} of the last axis of [${shape.join(', ')}]`,
        inputs: [numbers(shape)],
        run: (of: tf.Tensor) => run(of, [shape.length - 1]),
        reference: (of: Nd) => reduced(of, [shape.length - 1], f),
        gradient: false,
      }),
    ),
  ),
  {
    name: 'argMax along 300, the first of equal ones',
    inputs: [whole([2, 300], 50)],
    run: (of: tf.Tensor) => tf.argMax(tf.cast(of, 'float32'), 1),
    reference: (of: Nd) => reduced(of, [1], (values) => values.indexOf(Math.max(...values))),
  },
  {
    name: 'softmax of 150',
    inputs: [numbers([2, 150])],
    run: (of: tf.Tensor) => tf.softmax(of),
    reference: softmaxOf,
    gradient: false,
  },
  {
    name: 'cumsum of 300',
    inputs: [numbers([2, 300])],
    run: (of: tf.Tensor) => tf.cumsum(of, 1),
    reference: (of: Nd) => nd(of.shape, ([i, j]) => total(Array.from({ length: j! + 1 }, (_, k) => at(of, [i!, k])))),
    gradient: false,
  },
  {
    name: 'topk of 300, where equal ones are',
    inputs: [whole([2, 300], 50)],
    run: (of: tf.Tensor) => tf.topk(tf.cast(of, 'float32'), 20).indices,
    reference: (of: Nd) => {
      const row = (i: number): number[] => of.values.slice(i * 300, i * 300 + 300);
      const order = [0, 1].map((i) => [...row(i).keys()].sort((a, b) => row(i)[b]! - row(i)[a]! || a - b));
      return nd([2, 20], ([i, k]) => order[i!]![k!]!);
    },
  },
  {
    name: 'stack along the last axis',
    inputs: [numbers([3, 5]), numbers([3, 5], 30)],
    run: (a: tf.Tensor, b: tf.Tensor) => tf.stack([a, b], 2),
    reference: (a: Nd, b: Nd) => nd([3, 5, 2], ([i, j, k]) => at(k === 0 ? a : b, [i!, j!])),
  },
  {
    name: 'unstack, the last part',
    inputs: [x],
    run: (of: tf.Tensor) => tf.unstack(of, 1)[3]!,
    reference: (of: Nd) => nd([3, 5], ([i, j]) => at(of, [i!, 3, j!])),
  },
  {
    name: 'split, the middle part',
    inputs: [x],
    run: (of: tf.Tensor) => tf.split(of, [1, 3, 1], 2)[1]!,
    reference: (of: Nd) => nd([3, 4, 3], ([i, j, k]) => at(of, [i!, j!, k! + 1])),
  },
  {
    name: 'expandDims of a reshape',
    inputs: [x],
    run: (of: tf.Tensor) => tf.expandDims(tf.reshape(of, [5, 12]), 1),
    reference: ({ values }: Nd) => ({ shape: [5, 1, 12], values }),
  },
  {
    name: 'range, fill, ones and zeros like',
    inputs: [numbers([5])],
    run: (of: tf.Tensor) => tf.addN([of, tf.range(0, 5, 1), tf.fill([5], 0.25), tf.onesLike(of), tf.zerosLike(of)]),
    reference: (of: Nd) => nd([5], ([i]) => at(of, [i!]) + i! + 1.25),
  },
  ...([0, 1] as const).map(
    (axis): EngineCase => ({
      name: `gather along ${axis}, a row twice`,
      inputs: [numbers([4, 6])],
      run: (of: tf.Tensor) => tf.gather(of, tf.tensor1d([3, 0, 3], 'int32'), axis),
      reference: (of: Nd) => nd([4, 6].with(axis, 3), (place) => at(of, place.with(axis, [3, 0, 3][place[axis]!]!))),
    }),
  ),
  {
    name: 'gather of each image',
    inputs: [numbers([2, 4, 3]), given([2, 3], [1, 3, 1, 0, 0, 2], 'int32')],
    run: (of: tf.Tensor, indices: tf.Tensor) => tf.gather(of, indices, 1, 1),
    reference: (of: Nd, indices: Nd) => nd([2, 3, 3], ([b, i, c]) => at(of, [b!, at(indices, [b!, i!]), c!])),
  },
  {
    name: 'unsortedSegmentSum, an id outside',
    inputs: [numbers([5, 3])],
    run: (of: tf.Tensor) => tf.unsortedSegmentSum(of, tf.tensor1d([2, 0, 2, -1, 0], 'int32'), 4),
    reference: (of: Nd) =>
      nd([4, 3], ([s, c]) => total([2, 0, 2, -1, 0].map((id, i) => (id === s ? at(of, [i, c!]) : 0)))),
    gradient: false,
  },
  ...(['float32', 'int32', 'bool'] as const).map(
    (dtype): EngineCase => ({
      name: `oneHot as ${dtype}, a label outside`,
      inputs: [given([4], [2, 0, 5, 1], 'int32')],
      run: (of: tf.Tensor) => tf.cast(tf.oneHot(of, 3, 1, 0, dtype), 'float32'),
      reference: (of: Nd) => nd([4, 3], ([i, c]) => +(at(of, [i!]) === c)),
      gradient: false,
    }),
  ),
  {
    name: 'scatterND, a place twice',
    inputs: [numbers([3, 2])],
    run: (of: tf.Tensor) => tf.scatterND(tf.tensor2d([[1], [3], [1]], [3, 1], 'int32'), of, [5, 2]),
    reference: (of: Nd) => nd([5, 2], ([i, c]) => total([1, 3, 1].map((to, k) => (to === i ? at(of, [k, c!]) : 0)))),
    gradient: false,
  },
  {
    name: 'topk, its values',
    inputs: [numbers([3, 7])],
    run: (of: tf.Tensor) => tf.topk(of, 3).values,
    reference: (of: Nd) => nd([3, 3], ([i, k]) => of.values.slice(i! * 7, i! * 7 + 7).sort((a, b) => b - a)[k!]!),
    gradient: false,
  },
];
