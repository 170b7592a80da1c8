import { type BackboneStage, KdError } from '@kd/core';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { NormOptions } from './layers/norm.js';
import { UpsampleLike } from './layers/upsample-like.js';
import type { NetworkBuilder } from './network-builder.js';

/** Levels above the last stage: two stride-2 convolutions, or one, from P5 or C5; P5 subsampled; or none. */
export type ExtraLevels = 'p6p7_from_p5' | 'p6p7_from_c5' | 'p6_from_p5' | 'p6_from_c5' | 'maxpool' | 'none';

export interface FpnOptions {
  /** Width of all levels. */
  readonly channels: number;
  readonly extra: ExtraLevels;
  /** Norm after each convolution of the pyramid (Faster R-CNN v2); then the convolutions have no bias. */
  readonly norm?: NormOptions;
  /** Whether P7 reads relu(P6), as in torchvision (the default), or P6 as it is, as in mmdetection. */
  readonly reluBeforeP7?: boolean;
  readonly path: string;
}

/**
 * Feature pyramid (Lin et al., 2017): lateral 1x1, nearest top-down, output 3x3, no ReLU.
 * @param stages finest first
 * @returns the levels, finest first, named by their stride: `p3` is stride 8; the subsampled one is `pool`
 */
export function buildFpn(
  builder: NetworkBuilder,
  stages: readonly BackboneStage[],
  { channels, extra, norm, reluBeforeP7, path }: FpnOptions,
): BackboneStage[] {
  if (stages.length === 0)
    throw new KdError('CONFIG_INVALID', `${path}: a feature pyramid needs at least one stage of the backbone.`);
  const block = (kind: 'inner_blocks' | 'layer_blocks', i: number, x: SymbolicTensor): SymbolicTensor => {
    const name = `${path}.${kind}.${i}`;
    const y = builder.conv(`${name}.0`, x, {
      filters: channels,
      kernel: kind === 'inner_blocks' ? 1 : 3,
      bias: norm === undefined,
    });
    return norm ? builder.norm(`${name}.1`, y, norm) : y;
  };
  const laterals = stages.map((stage, i) => block('inner_blocks', i, stage.output));
  for (let i = stages.length - 2; i >= 0; i--) {
    const up = builder.place(new UpsampleLike({ name: `${path}.upsample.${i}` }), [laterals[i + 1]!, laterals[i]!]);
    laterals[i] = builder.place(layers.add({ name: `${path}.add.${i}` }), [laterals[i]!, up]);
  }
  const levels = laterals.map((x, i) => level(block('layer_blocks', i, x), channels, stages[i]!.stride));
  return [
    ...levels,
    ...extraLevels(builder, stages.at(-1)!, levels.at(-1)!, {
      channels,
      extra,
      path,
      ...(reluBeforeP7 !== undefined && { reluBeforeP7 }),
    }),
  ];
}

function extraLevels(
  builder: NetworkBuilder,
  stage: BackboneStage,
  last: BackboneStage,
  { channels, extra, reluBeforeP7 = true, path }: FpnOptions,
): BackboneStage[] {
  if (extra === 'none') return [];
  if (extra === 'maxpool') {
    const pool = layers.maxPooling2d({ name: `${path}.extra_blocks.pool`, poolSize: 1, strides: 2, padding: 'valid' });
    return [{ ...level(builder.place(pool, last.output), channels, last.stride * 2), name: 'pool' }];
  }
  const source = extra.endsWith('_from_p5') ? last.output : stage.output;
  const p6 = builder.conv(`${path}.extra_blocks.p6`, source, { filters: channels, kernel: 3, stride: 2, bias: true });
  if (!extra.startsWith('p6p7')) return [level(p6, channels, last.stride * 2)];
  const rectified = reluBeforeP7 ? builder.relu(`${path}.extra_blocks.relu`, p6) : p6;
  const p7 = builder.conv(`${path}.extra_blocks.p7`, rectified, {
    filters: channels,
    kernel: 3,
    stride: 2,
    bias: true,
  });
  return [level(p6, channels, last.stride * 2), level(p7, channels, last.stride * 4)];
}

const level = (output: SymbolicTensor, channels: number, stride: number): BackboneStage => ({
  name: `p${Math.log2(stride)}`,
  output,
  channels,
  stride,
});
