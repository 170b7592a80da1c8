import * as tf from '@tensorflow/tfjs-core';
import { type EngineCase, flags, given, type Input, numbers, positive, whole } from './engine-case.js';
import { mapped, type Nd } from './nd.js';

const ODD = [3, 5, 7];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);

type Unary = readonly [name: string, run: (x: tf.Tensor) => tf.Tensor, f: (x: number) => number, of?: Input];
const UNARY: readonly Unary[] = [
  ['abs', tf.abs, Math.abs],
  ['ceil', tf.ceil, Math.ceil],
  ['cos', tf.cos, Math.cos],
  ['exp', tf.exp, Math.exp],
  ['floor', tf.floor, Math.floor],
  ['log', tf.log, Math.log, positive(ODD)],
  ['neg', tf.neg, (x) => -x],
  ['reciprocal', tf.reciprocal, (x) => 1 / x, positive(ODD)],
  ['relu', tf.relu, (x) => Math.max(x, 0)],
  ['rsqrt', tf.rsqrt, (x) => 1 / Math.sqrt(x), positive(ODD)],
  ['sigmoid', tf.sigmoid, sigmoid],
  ['sign', tf.sign, Math.sign],
  ['sin', tf.sin, Math.sin],
  ['softplus', tf.softplus, softplus],
  ['sqrt', tf.sqrt, Math.sqrt, positive(ODD)],
  ['square', tf.square, (x) => x * x],
  ['step', tf.step, (x) => +(x > 0)],
  ['clip', (x) => tf.clipByValue(x, -1, 1.5), (x) => Math.min(Math.max(x, -1), 1.5)],
  ['a copy', (x) => tf.clone(x), (x) => x],
];

type Binary = readonly [
  name: string,
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  f: (a: number, b: number) => number,
];
const BINARY: readonly Binary[] = [
  ['add', tf.add, (a, b) => a + b],
  ['sub', tf.sub, (a, b) => a - b],
  ['mul', tf.mul, (a, b) => a * b],
  ['maximum', tf.maximum, Math.max],
  ['minimum', tf.minimum, Math.min],
  ['squaredDifference', tf.squaredDifference, (a, b) => (a - b) ** 2],
];
/** Of those one operand is above 0. */
const POSITIVE: readonly Binary[] = [
  ['div', tf.div, (a, b) => a / b],
  ['pow', (a, b) => tf.pow(b, a), (a, b) => b ** a],
];
const COMPARED: readonly Binary[] = [
  ['equal', tf.equal, (a, b) => +(a === b)],
  ['greater', tf.greater, (a, b) => +(a > b)],
  ['greaterEqual', tf.greaterEqual, (a, b) => +(a >= b)],
  ['less', tf.less, (a, b) => +(a < b)],
  ['lessEqual', tf.lessEqual, (a, b) => +(a <= b)],
];
const LOGICAL: readonly Binary[] = [
  ['logicalAnd', tf.logicalAnd, (a, b) => a & b],
  ['logicalOr', tf.logicalOr, (a, b) => a | b],
];

/** Equal shapes, a scalar, the last axis, inner axes of one, both sides broadcast, one element, the same in fours. */
const SHAPES: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [3, 5],
    [3, 5],
  ],
  [[3, 5, 7], []],
  [[], [3, 5]],
  [[2, 3, 5], [5]],
  [
    [2, 3, 5, 7],
    [2, 1, 1, 7],
  ],
  [
    [3, 1, 5],
    [1, 4, 1],
  ],
  [[1], [1, 1, 1]],
  // Fours, which graphics cards take at once.
  [
    [3, 8],
    [3, 8],
  ],
  [[2, 3, 4], [4]],
  [[4, 4], [1]],
];

const binaryCase = ([name, run, f]: Binary, a: Input, b: Input, gradient = true): EngineCase => ({
  name: `${name} of ${a.dtype} [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`,
  inputs: [a, b],
  run: (x: tf.Tensor, y: tf.Tensor) => run(x, y),
  reference: (x: Nd, y: Nd) => mapped(f, x, y),
  gradient,
});

const NAN = given([8], [NaN, Infinity, -Infinity, -1, 0, 1, 2, NaN]);
const ODDITIES: readonly Unary[] = [
  ['abs', tf.abs, Math.abs],
  ['exp', tf.exp, Math.exp],
  ['log', tf.log, Math.log],
  ['neg', tf.neg, (x) => -x],
  ['sqrt', tf.sqrt, Math.sqrt],
  ['square', tf.square, (x) => x * x],
  ['sigmoid', tf.sigmoid, sigmoid],
  ['relu', tf.relu, (x) => Math.max(x, 0)],
  ['softplus', tf.softplus, softplus],
  ['clip', (x) => tf.clipByValue(x, -0.5, 1.5), (x) => Math.min(Math.max(x, -0.5), 1.5)],
  ['isFinite', tf.isFinite, (x) => +Number.isFinite(x)],
  ['a product with itself', (x) => tf.mul(x, x), (x) => x * x],
  ['a sum with itself', (x) => tf.add(x, x), (x) => x + x],
  ['a comparison with itself', (x) => tf.equal(x, x), (x) => +(x === x)],
];

export const elementwiseCases: readonly EngineCase[] = [
  ...UNARY.map(
    ([name, run, f, of = numbers(ODD)]): EngineCase => ({
      name: `${name} [${of.shape.join(', ')}]`,
      inputs: [of],
      run: (x: tf.Tensor) => run(x),
      reference: (x: Nd) => mapped(f, x),
    }),
  ),
  ...SHAPES.flatMap(([a, b]) => [
    ...BINARY.map((one) => binaryCase(one, numbers(a), numbers(b, 50))),
    ...POSITIVE.map((one) => binaryCase(one, numbers(a), positive(b, 50))),
    ...COMPARED.map((one) => binaryCase(one, numbers(a), numbers(b, 50), false)),
    ...LOGICAL.map((one) => binaryCase(one, flags(a), flags(b))),
  ]),
  ...[...BINARY, ...COMPARED].map((one) => binaryCase(one, whole([3, 5], 7), whole([5], 4), false)),
  binaryCase(COMPARED[0]!, flags([3, 5]), flags([5])),
  ...ODDITIES.map(
    ([name, run, f]): EngineCase => ({
      name: `${name} of what is no number`,
      inputs: [NAN],
      run: (x: tf.Tensor) => run(x),
      reference: (x: Nd) => mapped(f, x),
      gradient: false,
    }),
  ),
  // On either side, in equal shapes and broadcast.
  ...BINARY.flatMap((one) =>
    [NAN, given([1], [NaN]), given([8], [1, NaN, NaN, 3, NaN, 0, NaN, -2])].map((b) => binaryCase(one, NAN, b, false)),
  ),
  {
    name: 'logicalNot',
    inputs: [flags([3, 5])],
    run: (x: tf.Tensor) => tf.logicalNot(x),
    reference: (x: Nd) => mapped((one) => +(one === 0), x),
  },
  {
    name: 'where, broadcast over the last axis',
    inputs: [flags([3, 5]), numbers([3, 5]), numbers([3, 5], 40)],
    run: (c: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.where(c, a, b),
    reference: (c: Nd, a: Nd, b: Nd) => mapped((one, x, y) => (one === 0 ? y : x), c, a, b),
  },
  {
    name: 'where of int32 in fours',
    inputs: [flags([2, 3, 4]), whole([2, 3, 4], 9), whole([2, 3, 4], 5)],
    run: (c: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.where(c, a, b),
    reference: (c: Nd, a: Nd, b: Nd) => mapped((one, x, y) => (one === 0 ? y : x), c, a, b),
  },
  ...[ODD, [], [5], [3, 4], [2, 2, 3, 4]].map(
    (shape): EngineCase => ({
      name: `addN of three [${shape.join(', ')}]`,
      inputs: [numbers(shape), numbers(shape, 9), numbers(shape, 20)],
      run: (...all: tf.Tensor[]) => tf.addN(all),
      reference: (...all: Nd[]) => mapped((a, b, c) => a + b + c, ...all),
    }),
  ),
  {
    name: 'addN of two of int32',
    inputs: [whole([3, 4], 9), whole([3, 4], 5)],
    run: (...all: tf.Tensor[]) => tf.addN(all),
    reference: (...all: Nd[]) => mapped((a, b) => a + b, ...all),
  },
  ...(['float32', 'int32', 'bool'] as const).flatMap((from) =>
    (['float32', 'int32', 'bool'] as const).map(
      (to): EngineCase => ({
        name: `cast of ${from} to ${to}`,
        inputs: [from === 'float32' ? numbers([3, 5]) : from === 'int32' ? whole([3, 5], 3) : flags([3, 5])],
        run: (x: tf.Tensor) => tf.cast(x, to),
        reference: (x: Nd) =>
          mapped((one) => (to === 'float32' ? one : to === 'int32' ? Math.trunc(one) : +(one !== 0)), x),
        gradient: from === 'float32' && to === 'float32',
      }),
    ),
  ),
];
