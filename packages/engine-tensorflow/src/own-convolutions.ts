import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from './kernels.js';
import { multipliesMatricesInBfloat16 } from './processor.js';

type Shape = readonly number[];

/** A convolution of TensorFlow, or a gradient of one. */
interface Convolution {
  /** [b, h, w, c]; of a gradient of the input its result. */
  readonly x: Shape;
  /** [kh, kw, c, d] */
  readonly kernel: Shape;
  /** [b, h', w', d]; null where it is the result. */
  readonly dy: Shape | null;
}

/** An op of ours that computes the same. */
interface Own {
  readonly name: string;
  readonly inputs: () => readonly tf.Tensor[];
  readonly attributes: Readonly<Record<string, number>>;
}

/** Results that Winograd's way makes at once, down and across. */
const TILE = 4;

/**
 * Of fewer channels the way to the points and back takes what the products save, and so does the kernel's where there
 * are few tiles for its weights.
 */
const [FEWEST_CHANNELS, WEIGHTS_OF_TILE] = [16, 6000];

/**
 * Gradients of kernels over fewer places are TensorFlow's. There pairs of channels are never both above zero, and a
 * weight whose gradient is zero would get a rounding error, which the first steps of Adam make as large as any other.
 */
const FEWEST_PLACES = 256;

/** Weights of a row of taps, from which on TensorFlow's gradient of a kernel with strides is quicker. */
const WEIGHTS_OF_ROW = 60_000;

/**
 * Runs a convolution of TensorFlow, or a gradient of one, as an op of ours where that is quicker: of 3 x 3 with stride
 * 1 and a border of one zero in Winograd's way (native/winograd.h), gradients of small kernels with strides as products
 * (native/strided.cc). Null for all others.
 */
export function ownConvolution(
  backend: TensorflowBackend,
  name: string,
  attributes: readonly OpAttribute[],
  inputs: readonly tf.Tensor[],
): tf.Tensor | null {
  const { binding } = backend;
  const own = OWN[name];
  if (own === undefined || !binding.hasOwnConvolutions() || (binding.isTraceInHalf() && halfIsQuicker())) return null;
  const given = new Map(attributes.map((attribute) => [attribute.name, attribute.value]));
  if (given.get('T') !== 'float32' || (given.get('data_format') ?? 'NHWC') !== 'NHWC') return null;
  if (!isOnes(given.get('dilations'))) return null;
  const op = own(inputs, given, backend);
  if (op === null) return null;
  const numbers = Object.entries(op.attributes).map(([attribute, value]) => ({
    ...{ name: attribute, type: binding.TF_ATTR_INT as number, value },
  }));
  return tf.tidy(() => backend.executeMultipleOutputs(op.name, numbers, op.inputs(), 1)[0]!);
}

/** Vectors of bfloat16 are twice as quick as those of float32, which is less than fewer products save. */
let tiles: boolean | undefined;
const halfIsQuicker = (): boolean => (tiles ??= multipliesMatricesInBfloat16());

type Given = ReadonlyMap<string, OpAttribute['value']>;

const OWN: Readonly<
  Record<string, (inputs: readonly tf.Tensor[], given: Given, backend: TensorflowBackend) => Own | null>
> = {
  Conv2D: ([x, kernel], given) =>
    isWinograd({ x: x!.shape, kernel: kernel!.shape, dy: null }, given)
      ? convolution(() => [x!, kernel!, tf.tensor1d([], 'float32')], 0)
      : null,
  _FusedConv2D(inputs, given) {
    const [x, kernel] = inputs;
    const relu = ACTIVATIONS[String(given.get('fused_ops'))];
    return relu !== undefined && isWinograd({ x: x!.shape, kernel: kernel!.shape, dy: null }, given)
      ? convolution(() => inputs, relu)
      : null;
  },
  Conv2DBackpropInput([size, kernel, dy], given, backend) {
    const x = valuesOf(backend, size!);
    return x !== null && isWinograd({ x, kernel: kernel!.shape, dy: dy!.shape }, given)
      ? { name: 'KdConvolutionInputGradient', inputs: () => [kernel!, dy!], attributes: {} }
      : null;
  },
  Conv2DBackpropFilter([x, size, dy], given, backend) {
    const kernel = valuesOf(backend, size!);
    if (kernel === null) return null;
    const of = { x: x!.shape, kernel, dy: dy!.shape };
    if (isWinograd(of, given) && placesOf(of) >= FEWEST_PLACES)
      return { name: 'KdConvolutionKernelGradient', inputs: () => [x!, dy!], attributes: {} };
    return stridedGradient(of, given, (taps) => [x!, dy!, taps]);
  },
};

const convolution = (inputs: () => readonly tf.Tensor[], relu: number): Own => ({
  ...{ name: 'KdConvolution', inputs, attributes: { relu } },
});

/** The activation of KdConvolution: 0 for none, 1 for ReLU, 6 for that up to 6. */
const ACTIVATIONS: Readonly<Record<string, number>> = { BiasAdd: 0, 'BiasAdd,Relu': 1, 'BiasAdd,Relu6': 6 };

/** Of a shape that waits for its first use: nothing is read from a device, or of a trace. */
function valuesOf(backend: TensorflowBackend, shape: tf.Tensor): Shape | null {
  const values = backend.tensorMap.get(shape.dataId).values as Int32Array | null;
  return values && [...values];
}

const placesOf = ({ x: [b, h, w] }: Convolution): number => b! * h! * w!;

const isOnes = (values: OpAttribute['value'] | undefined): boolean => /^(1,1,1,1)?$/.test(String(values ?? ''));

/** Whether a kernel has all channels of the input, and not those of a group. */
const isWhole = ({ x, kernel }: Convolution): boolean => x[3] === kernel[2];

/** Whether the results have this shape. Where they have not TensorFlow says so. */
const hasResults = ({ dy }: Convolution, shape: Shape): boolean => dy === null || String(dy) === String(shape);

function isWinograd(of: Convolution, given: Given): boolean {
  const [b, h, w] = of.x as [number, number, number];
  const [height, width, c, d] = of.kernel as [number, number, number, number];
  if (!hasResults(of, [b, h, w, d])) return false;
  const padding = String(given.get('padding'));
  const isCentred = padding === 'SAME' || (padding === 'EXPLICIT' && String(given.get('explicit_paddings')) === BORDER);
  if (height !== 3 || width !== 3 || !isWhole(of) || !isOnes(given.get('strides')) || !isCentred) return false;
  const tiles = b * Math.ceil(h / TILE) * Math.ceil(w / TILE);
  return Math.min(c, d) >= FEWEST_CHANNELS && c * d <= tiles * WEIGHTS_OF_TILE;
}

const BORDER = '0,0,1,1,1,1,0,0';

function stridedGradient(of: Convolution, given: Given, inputs: (taps: tf.Tensor) => readonly tf.Tensor[]): Own | null {
  const [b, h, w] = of.x as [number, number, number];
  const [height, width, c, d] = of.kernel as [number, number, number, number];
  const [, down, across] = given.get('strides') as [number, number, number];
  if (given.get('padding') !== 'EXPLICIT' || down * across === 1 || width === 1 || !isWhole(of)) return null;
  if (width * c * d > WEIGHTS_OF_ROW) return null;
  const borders = given.get('explicit_paddings') as readonly number[];
  const [, , top, bottom, left, right] = borders as [number, number, number, number, number, number];
  const resultsIn = (seen: number, taps: number, stride: number): number => Math.floor((seen - taps) / stride) + 1;
  const rows = resultsIn(top + h + bottom, height, down);
  if (!hasResults(of, [b, rows, resultsIn(left + w + right, width, across), d])) return null;
  return {
    name: 'KdStridedKernelGradient',
    inputs: () => inputs(tf.zeros([height, width, 0])),
    attributes: { down, across, top, left },
  };
}
