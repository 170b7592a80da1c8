import * as tf from '@tensorflow/tfjs-core';
import {
  BatchNorm,
  convLayer,
  FrozenBatchNorm,
  GroupNorm,
  maxPool2d,
  resizeBilinear,
  resizeNearest,
  runConvBlock,
  weightOf,
  type CallContext,
  type Layer,
} from '@kd/vision';
import { only } from '../support/index.js';
import { functional, out, tensorOf, type Inputs, type Op, type Params, type Prepared } from './case.js';

const nhwc = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D;
const nchw = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x, [0, 3, 1, 2]) as tf.Tensor4D;
const context = (training: boolean): CallContext => ({ training, updates: [] });

/** Gives a layer the golden values, by name of its weights. */
function fill(layer: Layer, inputShape: number[], values: Readonly<Record<string, tf.Tensor>>): Layer {
  layer.build(inputShape);
  for (const [name, value] of Object.entries(values)) weightOf(layer, name)!.assign(value);
  return layer;
}

const variable = (layer: Layer, name: string): tf.Variable => weightOf(layer, name)!;

function convolution({ x, weight, bias }: Inputs, { stride, padding, layout }: Params): Prepared {
  only('layout', layout, 'NCHW / OIHW');
  const [o, i, kh] = weight!.shape as [number, number, number, number];
  const layer = convLayer('conv', {
    filters: o,
    kernel: kh,
    stride: stride as number,
    bias: bias !== undefined,
    padding: 'valid',
  });
  const kernel = tf.transpose(tensorOf(weight!), [2, 3, 1, 0]);
  fill(layer, [1, 8, 8, i], { kernel, ...(bias ? { bias: tensorOf(bias) } : {}) });
  const input = tensorOf(x!);
  return {
    leaves: { x: input, weight: variable(layer, 'kernel'), ...(bias ? { bias: variable(layer, 'bias') } : {}) },
    toTorch: { weight: [3, 2, 0, 1] },
    forward: () =>
      out(nchw(runConvBlock({ conv: layer, relu: false, pad: padding as number }, nhwc(input), context(false)))),
    dispose: () => layer.weights.forEach((weight) => weight.dispose()),
  };
}

/** gamma, beta and, for batch norm, the running statistics from torch's names. */
function normWeights({ weight, bias, mean, var: variance }: Inputs): Record<string, tf.Tensor> {
  const values: Record<string, tf.Tensor> = { gamma: tensorOf(weight!), beta: tensorOf(bias!) };
  if (mean && variance) Object.assign(values, { moving_mean: tensorOf(mean), moving_variance: tensorOf(variance) });
  return values;
}

function norm(
  create: (params: Params) => Layer,
  outputs: (layer: Layer, x: tf.Tensor4D) => Record<string, tf.Tensor>,
  options: { reordered?: boolean } = {},
): Op {
  return {
    ...options,
    prepare: (inputs, params) => {
      const x = tensorOf(inputs['x']!);
      const layer = fill(create(params), [1, 1, 1, x.shape[1]!], normWeights(inputs));
      return {
        leaves: { x, weight: variable(layer, 'gamma'), bias: variable(layer, 'beta') },
        forward: () => outputs(layer, nhwc(x)),
        dispose: () => layer.weights.forEach((weight) => weight.dispose()),
      };
    },
  };
}

const apply = (layer: Layer, x: tf.Tensor4D, training = false): Record<string, tf.Tensor> => ({
  out: nchw(layer.call(x, { ...context(training) }) as tf.Tensor),
});

/** The output, and the running statistics after it: those handed out, or the old ones. */
function batchNormed(training: boolean): (layer: Layer, x: tf.Tensor4D) => Record<string, tf.Tensor> {
  return (layer, x) => {
    const call = context(training);
    const y = nchw(layer.call(x, { ...call }) as tf.Tensor);
    const after = (name: string): tf.Tensor =>
      call.updates.find((one) => one.variable === variable(layer, name))?.value ?? variable(layer, name);
    return { out: y, new_mean: after('moving_mean'), new_var: after('moving_variance') };
  };
}

/**
 * torch flattens [c, h, w]; here the map lies as [h, w, c], so the weight's input axis is permuted, as the importer
 * does.
 */
function flattenLinear({ x, weight, bias }: Readonly<Record<string, tf.Tensor>>): tf.Tensor {
  const [b, c, h, w] = x!.shape as [number, number, number, number];
  const filters = weight!.shape[0]!;
  const kernel = tf.reshape(tf.transpose(tf.reshape(weight!, [filters, c, h, w]), [2, 3, 1, 0]), [h * w * c, filters]);
  return tf.add(tf.matMul(tf.reshape(nhwc(x!), [b, h * w * c]), kernel as tf.Tensor2D), bias!);
}

const epsilon = ({ eps }: Params): number => eps as number;

export const layerOps: Readonly<Record<string, Op>> = {
  conv2d: { reordered: true, prepare: convolution },
  max_pool2d: functional(({ x }, { kernel, stride, padding }) =>
    out(nchw(maxPool2d(nhwc(x!), { size: kernel as number, stride: stride as number, pad: padding as number }))),
  ),
  'interpolate nearest': functional(({ x }, { size }) =>
    out(nchw(resizeNearest(nhwc(x!), ...(size as [number, number])))),
  ),
  'interpolate bilinear': functional(({ x }, { size, align_corners, antialias }) => {
    if (align_corners !== false || antialias !== false)
      throw new Error('only align_corners=False without antialiasing exists here');
    return out(nchw(resizeBilinear(nhwc(x!), ...(size as [number, number]))));
  }),
  FrozenBatchNorm2d: norm((params) => new FrozenBatchNorm({ name: 'norm', epsilon: epsilon(params) }), apply),
  'BatchNorm2d train': norm(
    (params) =>
      new BatchNorm({ name: 'norm', epsilon: epsilon(params), mode: 'live', momentum: params['momentum'] as number }),
    batchNormed(true),
  ),
  'BatchNorm2d eval': norm(
    (params) => new BatchNorm({ name: 'norm', epsilon: epsilon(params), mode: 'live', momentum: 0.1 }),
    batchNormed(false),
  ),
  GroupNorm: norm(
    (params) => new GroupNorm({ name: 'norm', epsilon: epsilon(params), groups: params['groups'] as number }),
    apply,
  ),
  'flatten + linear': functional(
    (inputs, { flatten_order: order }) => {
      only('flatten_order', order, 'C, H, W');
      return out(flattenLinear(inputs));
    },
    { reordered: true },
  ),
};
