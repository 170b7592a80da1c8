import { KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { layers, type Shape } from '@tensorflow/tfjs-layers';
import { channelsOf, type LayerConfig, onlyTensor, variableOf } from './layer-weight.js';
import { countedZeros } from './counted-zeros.js';
import { depthwiseConv2d, isDepthwise } from './depthwise-conv.js';
import { convAttributes, type NativeKernel, type RunOp, runNative } from './native-kernel.js';

export interface GroupedConvOptions {
  readonly stride: number;
  /** `same` as TensorFlow pads: both sides alike with stride 1, else the odd zero at the end. */
  readonly padding: 'valid' | 'same';
}

/**
 * A convolution whose output channels read a group of the input channels each (ResNeXt), which TensorFlow.js refuses.
 *
 * Native TensorFlow has it, and its gradients where oneDNN computes them; elsewhere each group is a convolution of its
 * own. Measured on two cores, forward and both
 * gradients of 3x3 at 2 x 40 x 40 x 256 in 32 groups: 8 ms in one op each, 74 ms split, 470 ms as one dense convolution
 * with a block-diagonal kernel.
 * Groups of one channel are a depthwise convolution, which TensorFlow.js has.
 * @param x [b, h, w, in]
 * @param kernel [kh, kw, in / groups, out]
 */
export function groupedConv2d(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  options: GroupedConvOptions,
  runOp?: RunOp,
): tf.Tensor4D {
  if (isDepthwise(x, kernel)) {
    const pad = options.padding === 'same' ? 'same' : 0;
    return depthwiseConv2d(x, kernel, { stride: options.stride, pad }, runOp);
  }
  if (runOp && hasGradients(runOp)) return runNative(KERNEL, { x, kernel }, { ...options, runOp });
  return tf.tidy(() => {
    const groups = x.shape[3] / kernel.shape[2];
    const kernels = tf.split<tf.Tensor4D>(kernel, groups, 3);
    return tf.concat(
      tf
        .split<tf.Tensor4D>(x, groups, 3)
        .map((own, i) => tf.conv2d<tf.Tensor4D>(own, kernels[i]!, options.stride, options.padding)),
      3,
    );
  });
}

interface Attributes extends GroupedConvOptions {
  readonly runOp: RunOp;
}

const KERNEL: NativeKernel<Attributes> = {
  name: 'KdGroupedConv',
  inputsToSave: ['x', 'kernel'],
  forward: ({ x, kernel }, { runOp, ...options }) => runOp('Conv2D', attributesOf(options), [x!, kernel!], 1)[0]!,
  gradient: (dy, saved, { runOp, ...options }) => {
    const [x, kernel] = saved as [tf.Tensor4D, tf.Tensor4D];
    const attributes = attributesOf(options);
    return {
      x: () => runOp('Conv2DBackpropInput', attributes, [tf.tensor1d(x.shape, 'int32'), kernel, dy], 1)[0]!,
      kernel: () => runOp('Conv2DBackpropFilter', attributes, [x, tf.tensor1d(kernel.shape, 'int32'), dy], 1)[0]!,
    };
  },
};

const attributesOf = ({ stride, padding }: GroupedConvOptions): ReturnType<typeof convAttributes> =>
  convAttributes(stride, padding === 'same' ? 'SAME' : 'VALID');

let known: boolean | undefined;

/**
 * Whether the library computes gradients of grouped convolutions: it does with oneDNN, and without it refuses. Asked
 * once, of the smallest case.
 */
function hasGradients(runOp: RunOp): boolean {
  known ??= asksWell(() => {
    const [x, kernel] = [tf.ones([1, 3, 3, 4]), tf.ones([3, 3, 2, 4])];
    const attributes = attributesOf({ stride: 1, padding: 'same' });
    runOp('Conv2DBackpropInput', attributes, [tf.tensor1d(x.shape, 'int32'), kernel, x], 1);
    runOp('Conv2DBackpropFilter', attributes, [x, tf.tensor1d(kernel.shape, 'int32'), x], 1);
  });
  return known;
}

function asksWell(run: () => void): boolean {
  try {
    tf.tidy(run);
    return true;
  } catch {
    return false;
  }
}

export interface GroupedConvArgs extends GroupedConvOptions {
  readonly name: string;
  readonly filters: number;
  /** Side of the kernel. */
  readonly kernel: number;
  /** Must divide the channels that go in and those that come out. */
  readonly groups: number;
}

/** {@link groupedConv2d} as a layer, without a bias. Its weights start at 0. */
export class GroupedConv extends layers.Layer {
  static readonly className = 'GroupedConv2D';
  readonly #args: GroupedConvArgs;

  constructor(args: GroupedConvArgs) {
    super({ name: args.name });
    this.#args = args;
  }

  override build(inputShape: Shape | Shape[]): void {
    const { kernel, filters, groups } = this.#args;
    const input = channelsOf(inputShape);
    if (input % groups !== 0 || filters % groups !== 0) {
      throw new KdError(
        'CONFIG_INVALID',
        `${this.name}: ${input} channels in and ${filters} out cannot be cut into ${groups} groups; both must be multiples of the number of groups.`,
      );
    }
    this.addWeight('kernel', [kernel, kernel, input / groups, filters], 'float32', countedZeros());
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const { kernel, stride, padding, filters } = this.#args;
    const [b, ...sides] = (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as Shape;
    const out = (side: number | null): number | null =>
      side === null ? null : Math.ceil((padding === 'same' ? side : side - kernel + 1) / stride);
    return [b!, out(sides[0]!), out(sides[1]!), filters];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return groupedConv2d(
      onlyTensor(inputs) as tf.Tensor4D,
      variableOf(this.weights[0]!) as tf.Variable<tf.Rank.R4>,
      this.#args,
    );
  }

  /** What a stock convolution says of itself, as far as it is read. */
  override getConfig(): LayerConfig {
    const { filters, kernel, stride, padding, groups } = this.#args;
    return {
      ...super.getConfig(),
      filters,
      kernelSize: [kernel, kernel],
      strides: [stride, stride],
      padding,
      groups,
      activation: 'linear',
      dataFormat: 'channelsLast',
      dilationRate: [1, 1],
    };
  }
}
