import type { BackboneNorm } from '@kd/core';
import { BatchNorm } from './batch-norm.js';
import { FrozenBatchNorm } from './frozen-batch-norm.js';
import { GroupNorm, groupsFor } from './group-norm.js';

/** See {@link BackboneNorm}. */
export type NormKind = BackboneNorm['kind'];

export interface NormOptions {
  readonly kind: NormKind;
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** Of live batch norm, as torch counts it; default 0.1. */
  readonly momentum?: number;
  /** Of GroupNorm. Given, it must divide the channels; the default is the largest divisor up to 32. */
  readonly groups?: number;
}

export type NormLayer = FrozenBatchNorm | BatchNorm | GroupNorm;

/** A norm layer over `channels` channels. */
export function createNorm(
  name: string,
  channels: number,
  { kind, epsilon = 1e-5, momentum = 0.1, groups }: NormOptions,
): NormLayer {
  if (kind === 'frozen') return new FrozenBatchNorm({ name, epsilon });
  if (kind === 'group') return new GroupNorm({ name, epsilon, groups: groups ?? groupsFor(channels) });
  return new BatchNorm({ name, epsilon, mode: kind, momentum });
}
