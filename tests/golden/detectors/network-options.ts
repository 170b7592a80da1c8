import type { FcosInput } from '@kd/detector-fcos';
import type { RetinaNetInput } from '@kd/detector-retinanet';
import { oneOf } from '../support/index.js';
import type { CaseConfig } from './index-file.js';

const NORMS = { frozen_bn: { frozen: 'frozen' }, bn: { live: 'live', eval: 'eval' } } as const;

type NetworkOptions =
  | 'backbone'
  | 'norm'
  | 'frozenBnEps'
  | 'trainableLayers'
  | 'returnedLayers'
  | 'fpnChannels'
  | 'extra'
  | 'input';

/** The options of backbone, neck and input, which the detectors have in common. */
export function networkOptions({
  backbone,
  fpn,
  transform,
  bn_mode,
}: CaseConfig): Pick<RetinaNetInput, NetworkOptions> & Pick<FcosInput, NetworkOptions> {
  const norm = (NORMS as Record<string, Record<string, 'frozen' | 'live' | 'eval'>>)[backbone.norm]?.[bn_mode];
  if (norm === undefined) throw new Error(`norm "${backbone.norm}" in mode "${bn_mode}" cannot be mapped to an option`);
  return {
    backbone: { block: backbone.block, layers: backbone.layers, width: backbone.width },
    norm,
    frozenBnEps: backbone.eps ?? 1e-5,
    trainableLayers: backbone.trainable_layers,
    returnedLayers: fpn.returned_layers,
    fpnChannels: fpn.out_channels,
    extra: oneOf('fpn.extra', fpn.extra, ['p6p7_from_p5', 'p6p7_from_c5', 'maxpool']),
    input: {
      minSize: transform.min_size,
      maxSize: transform.max_size,
      mean: transform.image_mean,
      std: transform.image_std,
      sizeDivisible: transform.size_divisible,
    },
  };
}
