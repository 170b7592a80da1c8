import { type Detector, type HostTensor, toHost } from '@kd/core';

/** A detector with its weights read. */
export interface TorchModel {
  readonly detector: Detector;
  /** Values by path, in the order of the variables. */
  readonly weights: ReadonlyMap<string, HostTensor>;
}

export async function torchModel(detector: Detector): Promise<TorchModel> {
  const weights = new Map<string, HostTensor>();
  for (const { path, variable } of detector.variables) weights.set(path, await toHost(variable));
  return { detector, weights };
}

/** Channels that the pyramid reads, a stage each, as its weights say. */
export const stageChannels = ({ weights }: TorchModel, stages: number): number[] =>
  Array.from({ length: stages }, (_, i) => weights.get(`backbone.fpn.inner_blocks.${i}.0/kernel`)!.shape[2]!);
