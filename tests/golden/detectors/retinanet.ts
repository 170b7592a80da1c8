import type { RetinaNetInput } from '@kd/detector-retinanet';
import type { CaseConfig } from './index-file.js';
import { oneOf, only } from '../support/index.js';
import { networkOptions } from './network-options.js';

/** The options of the case's network: every value comes from its config. */
export function retinanetOptions(config: CaseConfig): RetinaNetInput {
  const { head = {}, post, matcher } = config;
  if (matcher === undefined || config.box_loss === undefined) throw new Error('the case has no matcher or no box_loss');
  if (head.box_loss !== undefined) only('head.box_loss', head.box_loss, config.box_loss);
  only('fpn.norm', config.fpn.norm, undefined);
  return {
    ...networkOptions(config),
    head: {
      depth: head.num_convs ?? 4,
      ...(head.gn_groups === undefined ? { norm: 'none' } : { norm: 'group', groups: head.gn_groups }),
    },
    boxLoss: oneOf('box_loss', config.box_loss, ['l1', 'smooth_l1', 'giou']),
    anchors: { sizes: config.anchors.sizes, ratios: config.anchors.ratios },
    matcher: { high: matcher.high, low: matcher.low, lowQuality: matcher.low_quality },
    post: {
      scoreThresh: post.score_thresh,
      nmsThresh: post.nms_thresh,
      detectionsPerImg: post.detections_per_img,
      topkCandidates: post.topk_candidates,
    },
  };
}
