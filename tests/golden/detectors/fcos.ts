import type { FcosInput } from '@kd/detector-fcos';
import { only } from '../support/index.js';
import type { CaseConfig } from './index-file.js';
import { networkOptions } from './network-options.js';

/** The options of the case's network: every value comes from its config. */
export function fcosOptions(config: CaseConfig): FcosInput {
  const { head = {}, post } = config;
  if (
    config.anchors.sizes.some((sizes) => sizes.length !== 1) ||
    config.anchors.ratios.flat().some((ratio) => ratio !== 1)
  ) {
    throw new Error('FCOS has one point a place: the anchors of the case have several sizes or other ratios than 1');
  }
  if (config.center_sampling_radius === undefined) throw new Error('the case has no center_sampling_radius');
  only('fpn.norm', config.fpn.norm, undefined);
  return {
    ...networkOptions(config),
    head: {
      depth: head.num_convs ?? 4,
      ...(head.gn_groups === undefined ? { norm: 'none' } : { norm: 'group', groups: head.gn_groups }),
    },
    sizes: config.anchors.sizes.flat(),
    centerSampling: config.center_sampling_radius,
    post: {
      scoreThresh: post.score_thresh,
      nmsThresh: post.nms_thresh,
      detectionsPerImg: post.detections_per_img,
      topkCandidates: post.topk_candidates,
    },
  };
}
