import type { RetinaNetInput } from '@kd/detector-retinanet';
import type { CaseConfig } from './index-file.js';

const oneOf = <const T extends string>(what: string, value: string, known: readonly T[]): T => {
  if ((known as readonly string[]).includes(value)) return value as T;
  throw new Error(`${what} is "${value}", which the test cannot map to an option; known are ${known.join(', ')}`);
};

const NORMS = { frozen_bn: { frozen: 'frozen' }, bn: { live: 'live', eval: 'eval' } } as const;

/** The options of the case's network: every value comes from its config. */
export function retinanetOptions(config: CaseConfig): RetinaNetInput {
  const { backbone, fpn, head = {}, transform, post, matcher } = config;
  const norm = (NORMS as Record<string, Record<string, 'frozen' | 'live' | 'eval'>>)[backbone.norm]?.[config.bn_mode];
  if (norm === undefined) throw new Error(`norm "${backbone.norm}" in mode "${config.bn_mode}" cannot be mapped to an option`);
  return {
    backbone: { block: backbone.block, layers: backbone.layers, width: backbone.width },
    norm,
    frozenBnEps: backbone.eps ?? 1e-5,
    trainableLayers: backbone.trainable_layers,
    returnedLayers: fpn.returned_layers,
    fpnChannels: fpn.out_channels,
    extra: oneOf('fpn.extra', fpn.extra, ['p6p7_from_p5', 'p6p7_from_c5', 'maxpool']),
    head: { depth: head.num_convs ?? 4, ...(head.gn_groups === undefined ? { norm: 'none' } : { norm: 'group', groups: head.gn_groups }) },
    boxLoss: oneOf('box_loss', config.box_loss, ['l1', 'smooth_l1', 'giou']),
    anchors: config.anchors,
    matcher: { high: matcher.high, low: matcher.low, lowQuality: matcher.low_quality },
    post: { scoreThresh: post.score_thresh, nmsThresh: post.nms_thresh, detectionsPerImg: post.detections_per_img, topkCandidates: post.topk_candidates },
    input: {
      minSize: transform.min_size,
      maxSize: transform.max_size,
      mean: transform.image_mean,
      std: transform.image_std,
      sizeDivisible: transform.size_divisible,
    },
  };
}
