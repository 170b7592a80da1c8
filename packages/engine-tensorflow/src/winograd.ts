import type { OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from './kernels.js';

type Attributes = ReadonlyMap<string, OpAttribute['value']>;
type Shape = readonly number[];

/** An op of native/convolution.cc. */
interface Winograd {
  readonly name: string;
  readonly inputs: () => readonly tf.Tensor[];
  /** [kh, kw, c, d] */
  readonly kernel: Shape;
  /** [b, h, w, c] or [b, h, w, d] */
  readonly map: Shape;
  /** The activation of KdConvolution: 0 for none, 1 for ReLU, 6 for that up to 6. */
  readonly relu?: number;
}

/** Results that are made at once, down and across. */
const TILE = 4;

/**
 * Of fewer channels the way to the points and back takes what the products save, and so does the kernel's where there
 * are few tiles for its weights.
 */
const [FEWEST_CHANNELS, WEIGHTS_OF_TILE] = [16, 6000];

/**
 * A convolution of 3 x 3 with stride 1 and a border of one zero, or a gradient of one, in Winograd's way
 * (native/winograd.h) where that is quicker. Null where it is not, or the op is another one.
 */
export function inWinograd(
  backend: TensorflowBackend,
  name: string,
  attributes: readonly OpAttribute[],
  inputs: readonly tf.Tensor[],
): tf.Tensor | null {
  const { binding } = backend;
  const read = OPS[name];
  if (read === undefined || binding.isTraceInHalf() || !binding.hasWinograd()) return null;
  const values: Attributes = new Map(attributes.map((attribute) => [attribute.name, attribute.value]));
  const op = isCentred(values) ? read(inputs, values, backend) : null;
  if (op === null || !isQuicker(op)) return null;
  const relu = { name: 'relu', type: binding.TF_ATTR_INT as number, value: op.relu ?? 0 };
  return tf.tidy(
    () => backend.executeMultipleOutputs(op.name, op.name === CONVOLUTION ? [relu] : [], op.inputs(), 1)[0]!,
  );
}

const CONVOLUTION = 'KdConvolution';

/** TensorFlow's op, as one of ours. */
const OPS: Readonly<
  Record<
    string,
    (inputs: readonly tf.Tensor[], values: Attributes, backend: TensorflowBackend) => Winograd | null
  >
> = {
  Conv2D: ([x, kernel]) => ({
    name: CONVOLUTION,
    inputs: () => [x!, kernel!, tf.tensor1d([], 'float32')],
    kernel: kernel!.shape,
    map: x!.shape,
  }),
  _FusedConv2D(inputs, values) {
    const [x, kernel] = inputs;
    const relu = ACTIVATIONS[String(values.get('fused_ops'))];
    return relu === undefined
      ? null
      : { name: CONVOLUTION, inputs: () => inputs, kernel: kernel!.shape, map: x!.shape, relu };
  },
  Conv2DBackpropInput: ([, kernel, dy]) => ({
    name: 'KdConvolutionInputGradient',
    inputs: () => [kernel!, dy!],
    kernel: kernel!.shape,
    map: dy!.shape,
  }),
  Conv2DBackpropFilter([x, size, dy], _, backend) {
    // Those that wait for their first use: nothing is read from a device, or of a trace.
    const kernel = backend.tensorMap.get(size!.dataId).values as Int32Array | null;
    return kernel === null
      ? null
      : { name: 'KdConvolutionKernelGradient', inputs: () => [x!, dy!], kernel: [...kernel], map: dy!.shape };
  },
};

const ACTIVATIONS: Readonly<Record<string, number>> = { BiasAdd: 0, 'BiasAdd,Relu': 1, 'BiasAdd,Relu6': 6 };

/** Whether a kernel of 3 x 3 would go over all places, with a border of one zero. */
function isCentred(values: Attributes): boolean {
  const ones = ['strides', 'dilations'].every((name) => /^(1,1,1,1)?$/.test(String(values.get(name) ?? '')));
  const padding = String(values.get('padding'));
  const border = padding === 'SAME' || (padding === 'EXPLICIT' && String(values.get('explicit_paddings')) === BORDER);
  return ones && border && (values.get('data_format') ?? 'NHWC') === 'NHWC';
}

const BORDER = '0,0,1,1,1,1,0,0';

function isQuicker({ kernel, map }: Winograd): boolean {
  const [height, width, c, d] = kernel as [number, number, number, number];
  const [b, h, w] = map as [number, number, number];
  const tiles = b * Math.ceil(h / TILE) * Math.ceil(w / TILE);
  return height === 3 && width === 3 && Math.min(c, d) >= FEWEST_CHANNELS && c * d <= tiles * WEIGHTS_OF_TILE;
}
