import * as tf from '@tensorflow/tfjs-core';
import { type EngineCase, type Input, numbers } from './engine-case.js';
import { at, nd, type Nd } from './nd.js';

interface Geometry {
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly pad: number | 'same' | 'valid';
  readonly dilation?: number;
}

/** Rows of zeros before and after, as TensorFlow counts them. */
function edges({ size, kernel, stride, pad, dilation = 1 }: Geometry, axis: 0 | 1): { before: number; out: number } {
  const reach = (kernel[axis] - 1) * dilation + 1;
  if (pad === 'same') {
    const out = Math.ceil(size[axis] / stride);
    return { before: Math.floor(Math.max(0, (out - 1) * stride + reach - size[axis]) / 2), out };
  }
  const before = pad === 'valid' ? 0 : pad;
  return { before, out: Math.floor((size[axis] + 2 * before - reach) / stride) + 1 };
}

/** Of each cell of the result, row by row, the pixels of the image that it reads, each with its tap of the kernel. */
function windows(geometry: Geometry): { pixel: number; tap: number }[][] {
  const { size, kernel, stride, dilation = 1 } = geometry;
  const [rows, columns] = [edges(geometry, 0), edges(geometry, 1)];
  return Array.from({ length: rows.out * columns.out }, (_, cell) => {
    const [top, left] = [
      Math.floor(cell / columns.out) * stride - rows.before,
      (cell % columns.out) * stride - columns.before,
    ];
    const found: { pixel: number; tap: number }[] = [];
    for (let i = 0; i < kernel[0]; i++)
      for (let j = 0; j < kernel[1]; j++) {
        const [row, column] = [top + i * dilation, left + j * dilation];
        if (row >= 0 && row < size[0] && column >= 0 && column < size[1])
          found.push({ pixel: row * size[1] + column, tap: i * kernel[1] + j });
      }
    return found;
  });
}

type Windows = ReturnType<typeof windows>[number];
/**
 * A reference [2, rows, columns, channels]. Gradients are differences, two of it for each value: so windows are found
 * once, and pixels and taps are indices.
 */
function ofWindows(
  geometry: Geometry,
  channels: number,
  f: (window: Windows, firstPixel: number, channel: number, ...inputs: Nd[]) => number,
): (...inputs: Nd[]) => Nd {
  const cells = windows(geometry);
  const { size } = geometry;
  return (...inputs) => ({
    shape: [2, ...outOf(geometry), channels],
    values: [0, size[0] * size[1]].flatMap((firstPixel) =>
      cells.flatMap((window) => Array.from({ length: channels }, (_, c) => f(window, firstPixel, c, ...inputs))),
    ),
  });
}

const outOf = (geometry: Geometry): [number, number] => [edges(geometry, 0).out, edges(geometry, 1).out];
const told = ({ size, kernel, stride, pad, dilation = 1 }: Geometry): string =>
  `${kernel.join('x')} over ${size.join('x')}, stride ${stride}, padding ${pad}, dilation ${dilation}`;

const GEOMETRIES: readonly Geometry[] = [
  { size: [5, 7], kernel: [3, 3], stride: 1, pad: 1 },
  { size: [5, 7], kernel: [1, 1], stride: 1, pad: 'valid' },
  { size: [5, 7], kernel: [1, 1], stride: 2, pad: 'valid' },
  { size: [6, 7], kernel: [3, 3], stride: 2, pad: 1 },
  { size: [7, 6], kernel: [3, 3], stride: 2, pad: 'same' },
  { size: [7, 8], kernel: [7, 7], stride: 2, pad: 3 },
  { size: [5, 6], kernel: [2, 3], stride: 3, pad: 'valid' },
  { size: [8, 7], kernel: [3, 2], stride: 3, pad: 'same' },
  { size: [4, 5], kernel: [3, 3], stride: 1, pad: 'same' },
  // Rows behind the last position that no kernel reads, columns of zeros.
  { size: [12, 9], kernel: [3, 3], stride: 4, pad: 'same' },
  { size: [1, 1], kernel: [3, 3], stride: 1, pad: 1 },
];
const DILATED: readonly Geometry[] = [
  { size: [7, 6], kernel: [3, 3], stride: 1, pad: 'same', dilation: 2 },
  { size: [7, 7], kernel: [3, 3], stride: 1, pad: 'valid', dilation: 3 },
];

/** TensorFlow.js itself refuses gradients of dilated ones. */
const conv = (geometry: Geometry, channels: readonly [number, number], gradient = true): EngineCase => {
  const { size, kernel, stride, pad, dilation = 1 } = geometry;
  return {
    name: `conv2d ${told(geometry)}, ${channels.join(' to ')} channels`,
    inputs: [numbers([2, ...size, channels[0]]), numbers([...kernel, ...channels], 31)],
    run: (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.conv2d(x, filter, stride, pad, 'NHWC', dilation),
    reference: ofWindows(geometry, channels[1], (window, firstPixel, o, x, filter) => {
      let sum = 0;
      for (const { pixel, tap } of window)
        for (let c = 0; c < channels[0]; c++)
          sum +=
            x!.values[(firstPixel + pixel) * channels[0] + c]! *
            filter!.values[(tap * channels[0] + c) * channels[1] + o]!;
      return sum;
    }),
    gradient,
  };
};

const depthwise = (geometry: Geometry, multiplier: number, gradient = true): EngineCase => {
  const { size, kernel, stride, pad, dilation = 1 } = geometry;
  const none = [0, 0] as const;
  // Numeric padding is refused by some back ends, by rows and columns by none.
  const padding = typeof pad === 'number' ? [none, [pad, pad], [pad, pad], none] : pad;
  return {
    name: `depthwiseConv2d ${told(geometry)}, multiplier ${multiplier}`,
    inputs: [numbers([2, ...size, 3]), numbers([...kernel, 3, multiplier], 31)],
    run: (x: tf.Tensor4D, filter: tf.Tensor4D) =>
      tf.depthwiseConv2d(x, filter, stride, padding as 'same' | 'valid', 'NHWC', dilation),
    reference: ofWindows(geometry, 3 * multiplier, (window, firstPixel, o, x, filter) => {
      const c = Math.floor(o / multiplier);
      return window.reduce(
        (sum, { pixel, tap }) =>
          sum + x!.values[(firstPixel + pixel) * 3 + c]! * filter!.values[tap * 3 * multiplier + o]!,
        0,
      );
    }),
    gradient,
  };
};

const maxPool = (geometry: Geometry): EngineCase => {
  const { size, kernel, stride, pad } = geometry;
  return {
    name: `maxPool ${told(geometry)}`,
    inputs: [numbers([2, ...size, 3])],
    run: (x: tf.Tensor4D) => tf.maxPool(x, [...kernel], stride, pad),
    reference: ofWindows(geometry, 3, (window, firstPixel, c, x) =>
      Math.max(...window.map(({ pixel }) => x!.values[(firstPixel + pixel) * 3 + c]!)),
    ),
  };
};

const POOLED = GEOMETRIES.filter(({ pad, kernel }) => typeof pad !== 'number' || pad <= kernel[0] / 2);

const matMul = (
  a: readonly number[],
  b: readonly number[],
  transposeA: boolean,
  transposeB: boolean,
  gradient = true,
): EngineCase => ({
  name: `matMul [${a.join(', ')}]${transposeA ? ' transposed' : ''} and [${b.join(', ')}]${transposeB ? ' transposed' : ''}`,
  inputs: [numbers(a), numbers(b, 23)],
  run: (x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB),
  reference: (x: Nd, y: Nd) => {
    const inner = transposeA ? a.at(-2)! : a.at(-1)!;
    const shape = [...a.slice(0, -2), transposeA ? a.at(-1)! : a.at(-2)!, transposeB ? b.at(-2)! : b.at(-1)!];
    return nd(shape, (place) => {
      const [batch, i, j] = [place.slice(0, -2), place.at(-2)!, place.at(-1)!];
      return Array.from(
        { length: inner },
        (_, k) =>
          at(x, [...batch, ...(transposeA ? [k, i] : [i, k])]) *
          at(y, [...batch.map((one, axis) => one % b[axis]!), ...(transposeB ? [j, k] : [k, j])]),
      ).reduce((sum, one) => sum + one, 0);
    });
  },
  gradient,
});

/** The case with numbers in its first input that are none: what they reach must be none either. */
const withNoNumber = (of: EngineCase): EngineCase => {
  const [first, ...others] = of.inputs as [Input, ...Input[]];
  const values = first.values.with(1, NaN).with(-1, Infinity).with(-2, -Infinity);
  return {
    ...of,
    name: `${of.name}, with what is no number`,
    inputs: [{ ...first, values }, ...others],
    gradient: false,
  };
};

export const imageCases: readonly EngineCase[] = [
  // Gradients are differences, one for each value: fewer channels for the large kernel.
  ...GEOMETRIES.map((geometry) => conv(geometry, geometry.kernel[0] > 3 ? [2, 1] : [3, 5])),
  ...DILATED.map((geometry) => conv(geometry, [3, 2], false)),
  conv(GEOMETRIES[0]!, [1, 1]),
  conv(GEOMETRIES[3]!, [4, 8]),
  ...[0, 1, 2, 3, 4].map((i) => conv(GEOMETRIES[i]!, [4, 4])),
  conv({ size: [8, 12], kernel: [3, 3], stride: 1, pad: 1 }, [16, 64], false),
  conv({ size: [9, 7], kernel: [1, 1], stride: 1, pad: 'valid' }, [64, 20], false),
  ...GEOMETRIES.filter(({ pad }) => typeof pad !== 'number').flatMap((geometry) => [
    depthwise(geometry, 1),
    depthwise(geometry, 2),
  ]),
  ...GEOMETRIES.filter(({ pad }) => typeof pad === 'number').map((geometry) => depthwise(geometry, 2, false)),
  ...[conv(GEOMETRIES[0]!, [3, 5]), conv(GEOMETRIES[1]!, [3, 5]), depthwise(GEOMETRIES[8]!, 1)].map(withNoNumber),
  ...POOLED.map(maxPool),
  matMul([3, 5], [5, 7], false, false),
  matMul([5, 3], [5, 7], true, false),
  matMul([3, 5], [7, 5], false, true),
  matMul([5, 3], [7, 5], true, true),
  matMul([1, 5], [5, 1], false, false),
  withNoNumber(matMul([3, 5], [5, 7], false, false)),
  matMul([2, 3, 5], [2, 5, 4], false, false),
  matMul([2, 5, 3], [2, 4, 5], true, true),
  // TensorFlow.js itself has no gradient of batches of unlike length.
  matMul([3, 3, 4], [1, 4, 4], false, false, false),
  matMul([64, 32], [32, 48], false, false, false),
  matMul([33, 40], [64, 40], false, true, false),
  matMul([40, 33], [40, 6], true, false, false),
  // Long sums of few results.
  matMul([4, 2048], [2048, 4], false, false, false),
  matMul([1, 900], [900, 3], false, false, false),
];
