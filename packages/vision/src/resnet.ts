import { type BackboneStage, KdError } from '@kd/core';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { NormOptions } from './layers/norm.js';
import type { NetworkBuilder } from './network-builder.js';

export interface ResnetShape {
  readonly block: 'basic' | 'bottleneck';
  /** Blocks of each stage; four, or fewer for a net that ends early. */
  readonly layers: readonly number[];
  /** Channels of the stem; stage k has `width · 2^(k-1)` planes, four times as many out of a bottleneck. */
  readonly width: number;
  /** ResNeXt (Xie et al., 2017): groups of the 3x3 of a bottleneck, default 1. */
  readonly groups?: number | undefined;
  /**
   * Channels of each group where the stem has 64, default 64: the 3x3 of stage 1 has `groups · widthPerGroup · width /
   * 64`.
   */
  readonly widthPerGroup?: number | undefined;
  /**
   * Which convolution of a bottleneck has the stride: the 3x3 (`pytorch`, the default) or the first 1x1 (`caffe`, He et
   * al., 2016). Weights of both have the same names and shapes.
   */
  readonly style?: 'pytorch' | 'caffe' | undefined;
}

type ResnetName =
  | 'resnet10'
  | 'resnet18'
  | 'resnet34'
  | 'resnet50'
  | 'resnet101'
  | 'resnet50_caffe'
  | 'resnet101_caffe'
  | 'resnext50_32x4d'
  | 'resnext101_32x4d'
  | 'resnext101_64x4d'
  | 'resnext101_32x8d';

/**
 * The usual depths, by torchvision's names; `resnet10` has one basic block a stage, and `resnext101_32x4d` and the
 * `_caffe` ones are mmdetection's.
 */
export const RESNETS: Readonly<Record<ResnetName, ResnetShape>> = {
  resnet10: { block: 'basic', layers: [1, 1, 1, 1], width: 64 },
  resnet18: { block: 'basic', layers: [2, 2, 2, 2], width: 64 },
  resnet34: { block: 'basic', layers: [3, 4, 6, 3], width: 64 },
  resnet50: { block: 'bottleneck', layers: [3, 4, 6, 3], width: 64 },
  resnet101: { block: 'bottleneck', layers: [3, 4, 23, 3], width: 64 },
  resnet50_caffe: { block: 'bottleneck', layers: [3, 4, 6, 3], width: 64, style: 'caffe' },
  resnet101_caffe: { block: 'bottleneck', layers: [3, 4, 23, 3], width: 64, style: 'caffe' },
  resnext50_32x4d: { block: 'bottleneck', layers: [3, 4, 6, 3], width: 64, groups: 32, widthPerGroup: 4 },
  resnext101_32x4d: { block: 'bottleneck', layers: [3, 4, 23, 3], width: 64, groups: 32, widthPerGroup: 4 },
  resnext101_64x4d: { block: 'bottleneck', layers: [3, 4, 23, 3], width: 64, groups: 64, widthPerGroup: 4 },
  resnext101_32x8d: { block: 'bottleneck', layers: [3, 4, 23, 3], width: 64, groups: 32, widthPerGroup: 8 },
};

export interface ResnetOptions extends ResnetShape {
  readonly norm: NormOptions;
  /** Module path before each name, e.g. `backbone.body`. */
  readonly path: string;
}

/**
 * ResNet (He et al., 2016), by default v1.5, with the stride in the 3x3 of a bottleneck; named as in torchvision.
 * @param images [b, h, w, 3]
 * @returns the stages, strides 4, 8, 16, 32
 */
export function buildResnet(builder: NetworkBuilder, images: SymbolicTensor, options: ResnetOptions): BackboneStage[] {
  const { block, layers: depths, width, groups = 1, widthPerGroup = 64, style, norm, path } = options;
  if (depths.length < 1 || depths.length > 4)
    throw new KdError(
      'CONFIG_INVALID',
      `${path}: a ResNet has one to four stages, but ${depths.length} depths are given: ${depths.join(', ')}.`,
    );
  if (block === 'basic' && (groups !== 1 || widthPerGroup !== 64 || style === 'caffe'))
    throw new KdError(
      'CONFIG_INVALID',
      `${path}: a basic block has neither groups nor a width of them, nor a 1x1 for the stride of style "caffe"; take bottlenecks.`,
    );

  let x = builder.conv(`${path}.conv1`, images, {
    filters: width,
    kernel: 7,
    stride: 2,
  });
  x = builder.norm(`${path}.bn1`, x, norm);
  x = builder.relu(`${path}.relu`, x);
  // After a ReLU, zeros pad a maximum as well as minus infinity does.
  x = builder.place(
    layers.zeroPadding2d({
      name: `${path}.maxpool.pad`,
      padding: [
        [1, 1],
        [1, 1],
      ],
    }),
    x,
  );
  x = builder.place(layers.maxPooling2d({ name: `${path}.maxpool`, poolSize: 3, strides: 2, padding: 'valid' }), x);

  return depths.map((depth, k) => {
    const name = `${path}.layer${k + 1}`;
    for (let i = 0; i < depth; i++) {
      x = residualBlock(builder, x, {
        name: `${name}.${i}`,
        block,
        planes: width * 2 ** k,
        groups,
        widthPerGroup,
        style,
        stride: i === 0 && k > 0 ? 2 : 1,
        norm,
      });
    }
    return { name, output: x, channels: x.shape[3]!, stride: 4 * 2 ** k };
  });
}

interface BlockOptions {
  readonly name: string;
  readonly block: 'basic' | 'bottleneck';
  readonly planes: number;
  readonly groups: number;
  readonly widthPerGroup: number;
  readonly style: ResnetShape['style'];
  readonly stride: number;
  readonly norm: NormOptions;
}

function residualBlock(
  builder: NetworkBuilder,
  input: SymbolicTensor,
  { name, block, planes, groups, widthPerGroup, style, stride, norm }: BlockOptions,
): SymbolicTensor {
  const step = (
    x: SymbolicTensor,
    conv: string,
    bn: string,
    filters: number,
    kernel: number,
    by: number,
    of = 1,
  ): SymbolicTensor =>
    builder.norm(
      `${name}.${bn}`,
      builder.conv(`${name}.${conv}`, x, { filters, kernel, stride: by, groups: of }),
      norm,
    );
  const filters = block === 'bottleneck' ? planes * 4 : planes;

  let x: SymbolicTensor;
  if (block === 'bottleneck') {
    const inner = Math.trunc((planes * widthPerGroup) / 64) * groups;
    const [first, second] = style === 'caffe' ? [stride, 1] : [1, stride];
    x = builder.relu(`${name}.relu1`, step(input, 'conv1', 'bn1', inner, 1, first));
    x = builder.relu(`${name}.relu2`, step(x, 'conv2', 'bn2', inner, 3, second, groups));
    x = step(x, 'conv3', 'bn3', filters, 1, 1);
  } else {
    x = builder.relu(`${name}.relu1`, step(input, 'conv1', 'bn1', planes, 3, stride));
    x = step(x, 'conv2', 'bn2', planes, 3, 1);
  }
  const changes = stride !== 1 || input.shape[3] !== filters;
  const shortcut = changes ? step(input, 'downsample.0', 'downsample.1', filters, 1, stride) : input;
  return builder.relu(`${name}.relu`, builder.place(layers.add({ name: `${name}.add` }), [x, shortcut]));
}
