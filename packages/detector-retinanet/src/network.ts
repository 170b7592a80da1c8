import { buildDenseNetwork, type DenseNetwork, type RunContext } from '@kd/vision';
import { retinaBranches } from './head.js';
import type { RetinaNetConfig } from './options.js';

export interface NetworkContext {
  readonly classes: number;
  readonly seed: number;
  readonly runOp?: RunContext['runOp'];
}

export function buildNetwork(config: RetinaNetConfig, { classes, ...context }: NetworkContext): DenseNetwork {
  const anchors = config.anchors.sizes[0]!.length * config.anchors.ratios[0]!.length;
  return buildDenseNetwork({
    detector: 'retinanet',
    backbone: { ...config.backbone, norm: { kind: config.norm, epsilon: config.frozenBnEps }, trainableLayers: config.trainableLayers },
    returnedLayers: config.returnedLayers,
    fpn: { channels: config.fpnChannels, extra: config.extra, reluBeforeP7: config.reluBeforeP7 },
    head: { ...config.head, branches: retinaBranches(anchors, classes), strides: config.strides },
    ...context,
  });
}
