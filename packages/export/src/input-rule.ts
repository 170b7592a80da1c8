import type { ExportedModel } from '@kd/core';

/** How images, RGB from 0 to 255, become what the network reads. */
export interface InputRule {
  /** The network's channels are the other way round. */
  readonly bgr: boolean;
  /** Then times `scale` plus `shift`, in the order of the network's channels. */
  readonly scale: readonly number[];
  readonly shift: readonly number[];
  /** Then rows and columns of zeros behind it, where the size is one and strides do not divide it. */
  readonly down: number;
  readonly across: number;
}

export function inputRule({ size, rule }: ExportedModel['input']): InputRule {
  const { mean, std, range = 1, channels, sizeDivisible } = rule;
  const [down, across] = (size ?? [0, 0]).map((side) => Math.ceil(side / sizeDivisible) * sizeDivisible - side) as [
    number,
    number,
  ];
  return {
    bgr: channels === 'bgr',
    scale: std.map((one) => range / (255 * one)),
    shift: mean.map((one, i) => -one / std[i]!),
    down,
    across,
  };
}
