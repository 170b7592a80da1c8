import { KdError, type OpAttribute } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { currentBackend, runOp } from '../run-op.js';
import { correctKernel } from './correct-kernel.js';

type Pad = 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
type Shape4D = [number, number, number, number];

interface ConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: Pad;
  readonly dilations?: number | [number, number];
  readonly dataFormat: 'NHWC' | 'NCHW';
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * The package's convolutions refuse numeric padding, and their gradients explicit padding as well, though TensorFlow
 * has
 * both. Padding inside the op also saves a copy of the input.
 */
export function correctConvolutions(): void {
  correctKernel<ConvAttributes>('Conv2D', (inputs, attributes) =>
    aroundFaults(inputs, attributes, ({ x, filter }, given) =>
      plainConvolution(x!, filter!, convAttributes(x!.shape, filter!.shape, given)),
    ),
  );
  correctKernel<ConvAttributes & { inputShape: Shape4D }>('Conv2DBackpropInput', ({ dy, filter }, attributes) =>
    withSize(
      attributes.inputShape,
      (size) =>
        runOp(
          'Conv2DBackpropInput',
          convAttributes(attributes.inputShape, filter!.shape, attributes),
          [size, filter!, dy!],
          1,
        )[0]!,
    ),
  );
  correctKernel<ConvAttributes & { filterShape: Shape4D }>('Conv2DBackpropFilter', ({ x, dy }, attributes) =>
    withSize(
      attributes.filterShape,
      (size) =>
        runOp(
          'Conv2DBackpropFilter',
          convAttributes(x!.shape, attributes.filterShape, attributes, 'filter gradient'),
          [x!, size, dy!],
          1,
        )[0]!,
    ),
  );
  correctKernel<ConvAttributes & { activation?: string; leakyreluAlpha?: number }>(
    'FusedConv2D',
    (inputs, attributes) => aroundFaults(inputs, attributes, fusedConvolution),
  );
}

/**
 * With AVX-512 oneDNN ends the process where a border is as wide as the kernel, and gives wrong results for one channel
 * with strides that differ: the border is made before, and places are passed over afterwards.
 */
function aroundFaults<Attributes extends ConvAttributes>(
  inputs: Record<string, tf.Tensor>,
  attributes: Attributes,
  run: (inputs: Record<string, tf.Tensor>, attributes: Attributes) => tf.Tensor,
): tf.Tensor {
  const { x, filter } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D };
  const { padInfo, filterHeight, filterWidth, ...info } = convInfo(x.shape, filter.shape, attributes);
  const { top, bottom, left, right } = padInfo;
  const differ = info.inChannels === 1 && info.strideHeight !== info.strideWidth;
  const isWide = Math.max(top, bottom) >= filterHeight || Math.max(left, right) >= filterWidth;
  if (attributes.dataFormat !== 'NHWC' || !(differ || isWide)) return run(inputs, attributes);
  return tf.tidy(() => {
    const around = [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ] as [number, number][];
    const bordered = { ...inputs, x: tf.pad(x, around) };
    if (!differ) return run(bordered, { ...attributes, pad: 'valid' });
    const all = run(bordered, { ...attributes, pad: 'valid', strides: 1 });
    return tf.stridedSlice(all, [0, 0, 0, 0], all.shape, [1, info.strideHeight, info.strideWidth, 1]);
  });
}

/** oneDNN gives what is empty the channels of the input, or its whole shape, so an empty batch goes another way. */
function plainConvolution(x: tf.Tensor, filter: tf.Tensor, attributes: OpAttribute[]): tf.Tensor {
  if (x.shape[0] !== 0) return runOp('Conv2D', attributes, [x, filter], 1)[0]!;
  return tf.tidy(() =>
    tf.slice(
      runOp('Conv2D', attributes, [tf.zeros([1, ...x.shape.slice(1)]), filter], 1)[0]!,
      [0, 0, 0, 0],
      [0, -1, -1, -1],
    ),
  );
}

/**
 * [b, h, w, c] and [kh, kw, c, d] -> [b, h', w', d], with bias [d] and activation in the same pass where TensorFlow has
 * it.
 */
function fusedConvolution(
  { x, filter, bias, preluActivationWeights }: Record<string, tf.Tensor>,
  attributes: ConvAttributes & { activation?: string; leakyreluAlpha?: number },
): tf.Tensor {
  const { activation = 'linear', leakyreluAlpha = 0.2 } = attributes;
  const conv = convAttributes(x!.shape, filter!.shape, attributes);
  const fused = (
    { linear: [], relu: ['Relu'], relu6: ['Relu6'], elu: ['Elu'], leakyrelu: ['LeakyRelu'] } as Record<string, string[]>
  )[activation];
  // The CPU kernel knows no NCHW, and only a bias of one dimension; that of a card not all of these.
  const known = bias?.rank === 1 && attributes.dataFormat === 'NHWC' && !currentBackend().binding.isUsingGpuDevice();
  if (fused && known) {
    return runOp(
      '_FusedConv2D',
      [
        ...conv,
        { name: 'num_args', type: 'int', value: 1 },
        { name: 'TArgs', type: 'type', value: ['float32'] },
        { name: 'num_host_args', type: 'int', value: 0 },
        { name: 'fused_ops', type: 'string[]', value: ['BiasAdd', ...fused] },
        { name: 'epsilon', type: 'float', value: 0 },
        { name: 'leakyrelu_alpha', type: 'float', value: leakyreluAlpha },
      ],
      [x!, filter!, bias],
      1,
    )[0]!;
  }
  return tf.tidy(() => {
    const product = plainConvolution(x!, filter!, conv);
    const sum = bias ? tf.add(product, bias) : product;
    if (activation === 'relu') return tf.relu(sum);
    if (activation === 'relu6') return tf.relu6(sum);
    if (activation === 'elu') return tf.elu(sum);
    if (activation === 'sigmoid') return tf.sigmoid(sum);
    if (activation === 'leakyrelu') return tf.leakyRelu(sum, leakyreluAlpha);
    if (activation === 'prelu') return tf.prelu(sum, preluActivationWeights!);
    if (activation === 'linear') return sum;
    throw new Error(`fused conv2d: the activation "${activation}" is not known`);
  });
}

const convInfo = (
  input: readonly number[],
  filter: readonly number[],
  { strides, pad, dilations = 1, dataFormat, dimRoundingMode }: ConvAttributes,
): tf.backend_util.Conv2DInfo =>
  tf.backend_util.computeConv2DInfo(
    input as Shape4D,
    filter as Shape4D,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(dataFormat),
  );

/**
 * Explicit padding keeps gradients from oneDNN, where that of a 1x1 kernel with stride 2 comes out wrong (4 input
 * channels) and such of other kernels end the process (AVX2).
 */
function convAttributes(
  input: readonly number[],
  filter: readonly number[],
  attributes: ConvAttributes,
  of?: 'filter gradient',
): OpAttribute[] {
  const { pad, dataFormat } = attributes;
  const info = convInfo(input, filter, attributes);
  const { type, top, bottom, left, right } = info.padInfo;
  // Not by the number of results, which TensorFlow.js counts by the height of a kernel where padding is a number.
  if (
    top + info.inHeight + bottom < info.effectiveFilterHeight ||
    left + info.inWidth + right < info.effectiveFilterWidth
  )
    throw new KdError(
      'USAGE',
      `conv2d: a kernel [${filter.join(', ')}] does not fit into a map [${input.join(', ')}] with its padding (${JSON.stringify(pad)}): nothing would come out. Take larger maps, a smaller kernel or more padding.`,
    );
  const plain = info.strideHeight * info.strideWidth * info.dilationHeight * info.dilationWidth === 1;
  const explicit = (of === 'filter gradient' && !plain) || (type !== 'SAME' && type !== 'VALID');
  const inLayout = (h: number, w: number) => (dataFormat === 'NHWC' ? [1, h, w, 1] : [1, 1, h, w]);
  return [
    { name: 'T', type: 'type', value: 'float32' },
    { name: 'strides', type: 'int[]', value: inLayout(info.strideHeight, info.strideWidth) },
    { name: 'padding', type: 'string', value: explicit ? 'EXPLICIT' : type },
    {
      name: 'explicit_paddings',
      type: 'int[]',
      value: !explicit
        ? []
        : dataFormat === 'NHWC'
          ? [0, 0, top, bottom, left, right, 0, 0]
          : [0, 0, 0, 0, top, bottom, left, right],
    },
    { name: 'data_format', type: 'string', value: dataFormat },
    { name: 'use_cudnn_on_gpu', type: 'bool', value: true },
    { name: 'dilations', type: 'int[]', value: inLayout(info.dilationHeight, info.dilationWidth) },
  ];
}

function withSize(shape: readonly number[], run: (size: tf.Tensor) => tf.Tensor): tf.Tensor {
  const size = tf.tensor1d([...shape], 'int32');
  const result = run(size);
  size.dispose();
  return result;
}
