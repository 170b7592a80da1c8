import { buildDenseNetwork, type DenseNetwork, type RunContext } from '@kd/vision';
import { fcosBranches } from './head.js';
import type { FcosConfig } from './options.js';

export interface NetworkContext {
  readonly classes: number;
  readonly seed: number;
  readonly runOp?: RunContext['runOp'];
}

export function buildNetwork(config: FcosConfig, { classes, ...context }: NetworkContext): DenseNetwork {
  const { flavour, strides, head: { centerness, normOnBbox, ...head } } = config;
  return buildDenseNetwork({
    detector: 'fcos',
    backbone: { ...config.backbone, norm: { kind: config.norm, epsilon: config.frozenBnEps }, trainableLayers: config.trainableLayers },
    returnedLayers: config.returnedLayers,
    fpn: { channels: config.fpnChannels, extra: config.extra },
    head: { ...head, strides, branches: fcosBranches({ classes, flavour, centerness, normOnBbox, strides }) },
    ...context,
  });
}
