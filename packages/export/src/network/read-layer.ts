import type { KdError } from '@kd/core';
import { type Layer, variableOf, weightName } from '@kd/vision';
import type { Shape } from '@tensorflow/tfjs-layers';
import type { Op, Pads, Weight } from './graph.js';

type Refuse = (why: string) => KdError;
type Config = Readonly<Record<string, unknown>>;
interface Read {
  readonly layer: Layer;
  readonly config: Config;
  readonly shapes: readonly Shape[];
  readonly refuse: Refuse;
}

/** What a layer computes at inference, one operator after the other; none where it hands its input on. */
export function readLayer(layer: Layer, shapes: readonly Shape[], refuse: Refuse): readonly Op[] {
  const reader = READERS[layer.getClassName()];
  if (reader === undefined) throw refuse('its class is not one that other programs have');
  return reader({ layer, config: layer.getConfig() as Config, shapes, refuse });
}

const READERS: Readonly<Record<string, (read: Read) => readonly Op[]>> = {
  // Of @kd/vision.
  FrozenBatchNorm: affine,
  TorchBatchNorm: affine,
  TorchGroupNorm: ({ layer, config }) => [
    {
      op: 'groupnorm',
      groups: config['groups'] as number,
      epsilon: config['epsilon'] as number,
      scale: weight(layer, 'gamma', 'weight'),
      shift: weight(layer, 'beta', 'bias'),
    },
  ],
  GroupedConv2D: conv,
  LevelScale: ({ layer }) => [{ op: 'scale', factor: weight(layer, 'scale', 'scale').data[0]! }],
  Times: ({ config }) => [{ op: 'scale', factor: config['factor'] as number }],
  Exp: () => [{ op: 'exp' }],
  HardSwish: () => [{ op: 'hardswish' }],
  SpatialMean: () => [{ op: 'globalpool' }],
  UpsampleLike: () => [{ op: 'nearest' }],
  // Of TensorFlow.js.
  Conv2D: conv,
  DepthwiseConv2D: conv,
  ReLU: ({ config, refuse }) => [relu(config, refuse)],
  Activation: ({ config, refuse }) => activation(config['activation'], refuse),
  Add: () => [{ op: 'add' }],
  Multiply: () => [{ op: 'mul' }],
  Concatenate: ({ config, shapes, refuse }) => {
    const axis = config['axis'] as number;
    if (axis !== -1 && axis !== shapes[0]!.length - 1) throw refuse('it does not join channels');
    return [{ op: 'concat' }];
  },
  Dropout: () => [],
  ZeroPadding2D: ({ config, refuse }) => {
    channelsLast(config, refuse);
    const [[top, bottom], [left, right]] = config['padding'] as [[number, number], [number, number]];
    return [{ op: 'pad', pads: [top, left, bottom, right] }];
  },
  MaxPooling2D: (read) => [pool(read, 'maxpool')],
  AveragePooling2D: (read) => [pool(read, 'avgpool')],
  Flatten: () => [{ op: 'flatten' }],
  Dense: ({ layer, config, shapes, refuse }) => {
    if (shapes[0]!.length !== 2) throw refuse('it is a dense layer of something else than vectors');
    return [
      { op: 'dense', kernel: weight(layer, 'kernel', 'weight'), ...biasOf(layer) },
      ...activation(config['activation'], refuse),
    ];
  },
};

function conv({ layer, config, shapes, refuse }: Read): readonly Op[] {
  channelsLast(config, refuse);
  const kernel = weight(layer, layer.getClassName() === 'DepthwiseConv2D' ? 'depthwise_kernel' : 'kernel', 'weight');
  const [kh, kw, input, output] = kernel.shape as [number, number, number, number];
  const channels = shapes[0]!.at(-1)!;
  // The stock depthwise layer has [kh, kw, in, multiplier], whose numbers lie as those of [kh, kw, 1, in·multiplier].
  const depthwise = layer.getClassName() === 'DepthwiseConv2D';
  const shape = depthwise ? [kh, kw, 1, input * output] : kernel.shape;
  return [
    {
      op: 'conv',
      kernel: { ...kernel, shape },
      ...biasOf(layer),
      strides: pair(config['strides']),
      pads: padding(config),
      groups: depthwise ? channels : channels / input,
      dilations: pair(config['dilationRate'] ?? 1),
    },
    ...activation(config['activation'], refuse),
  ];
}

/** A norm of fixed statistics: `x · scale + shift`, computed in double precision. */
function affine({ layer, config }: Read): readonly Op[] {
  const vector = (name: string, otherwise: number): ((i: number) => number) => {
    const found = layer.weights.find((one) => weightName(one) === name);
    const data = found && (variableOf(found).dataSync() as Float32Array);
    return (i) => data?.[i] ?? otherwise;
  };
  const [gamma, beta] = [vector('gamma', 1), vector('beta', 0)];
  const [mean, variance] = [vector('moving_mean', 0), vector('moving_variance', 1)];
  const channels = variableOf(layer.weights[0]!).size;
  const scaleOf = (i: number): number => gamma(i) / Math.sqrt(variance(i) + (config['epsilon'] as number));
  const scale = Float32Array.from({ length: channels }, (_, i) => scaleOf(i));
  const shift = Float32Array.from({ length: channels }, (_, i) => beta(i) - mean(i) * scaleOf(i));
  return [
    {
      op: 'affine',
      scale: { name: `${layer.name}.weight`, shape: [channels], data: scale },
      shift: { name: `${layer.name}.bias`, shape: [channels], data: shift },
    },
  ];
}

function relu(config: Config, refuse: Refuse): Op {
  const most = config['maxValue'] ?? undefined;
  if (most !== undefined && most !== 6) throw refuse('it is a ReLU with another limit than 6');
  return { op: most === 6 ? 'relu6' : 'relu' };
}

function activation(name: unknown, refuse: Refuse): readonly Op[] {
  if (name === 'linear' || name === undefined || name === null) return [];
  if (name === 'relu' || name === 'relu6' || name === 'sigmoid') return [{ op: name }];
  throw refuse(`its activation ${String(name)} is not one of linear, relu, relu6 and sigmoid`);
}

function pool({ config, refuse }: Read, op: 'maxpool' | 'avgpool'): Op {
  channelsLast(config, refuse);
  return { op, size: pair(config['poolSize']), strides: pair(config['strides']), pads: padding(config) };
}

const padding = (config: Config): Pads => (config['padding'] === 'same' ? 'same' : [0, 0, 0, 0]);

function channelsLast(config: Config, refuse: Refuse): void {
  if ((config['dataFormat'] ?? 'channelsLast') !== 'channelsLast') throw refuse('its channels come first');
}

const pair = (value: unknown): readonly [number, number] => {
  const [y, x = y] = [value].flat() as number[];
  return [y!, x!];
};

const biasOf = (layer: Layer): { readonly bias?: Weight } =>
  layer.weights.some((one) => weightName(one) === 'bias') ? { bias: weight(layer, 'bias', 'bias') } : {};

/** A weight of a layer under torch's name. */
function weight(layer: Layer, own: string, torch: string): Weight {
  const variable = variableOf(layer.weights.find((one) => weightName(one) === own)!);
  return { name: `${layer.name}.${torch}`, shape: variable.shape, data: variable.dataSync() as Float32Array };
}
