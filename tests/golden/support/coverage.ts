/** `prototype` is the `kind` of a case in the index of `prototype`. */
export type Kind = 'area' | 'op' | 'detector' | 'baseline' | 'prototype' | 'checkpoint' | 'mmdet';
export type Status = 'built' | 'not built yet' | 'unknown';

/**
 * What the suite tests. Ops are named as in the index of `ops`; a name stands for itself and for whatever begins with
 * it and a blank or a dot.
 */
export const built: Readonly<Record<Kind, readonly string[]>> = {
  area: ['baselines', 'crosskd', 'detectors', 'eval', 'mmdet', 'ops', 'prototype', 'ssim'],
  op: [
    'box_iou',
    'generalized_box_iou',
    'generalized_box_iou_loss',
    'distance_box_iou_loss',
    'complete_box_iou_loss',
    'BoxCoder',
    'BoxLinearCoder',
    'clip_boxes_to_image',
    'remove_small_boxes',
    'resize_boxes',
    'Matcher',
    'nms',
    'batched_nms',
    'AnchorGenerator',
    'sigmoid_focal_loss',
    'smooth_l1_loss',
    'l1_loss',
    'binary_cross_entropy_with_logits',
    'cross_entropy',
    'softmax',
    'conv2d',
    'max_pool2d',
    'interpolate',
    'FrozenBatchNorm2d',
    'BatchNorm2d',
    'GroupNorm',
    'flatten',
    'SGD',
    'Adam',
    'AdamW',
    'GeneralizedRCNNTransform',
    'FCOS',
    'roi_align',
    'MultiScaleRoIAlign',
  ],
  detector: ['retinanet', 'fcos', 'faster_rcnn', 'atss', 'gfl'],
  baseline: [
    'cwd',
    'defeat',
    'fbkd',
    'fgd',
    'fgfi',
    'fitnet',
    'frs',
    'gid',
    'icd',
    'kd',
    'ld',
    'lp',
    'mgd',
    'pfi',
    'pkd',
    'rkd',
  ],
  prototype: [
    'selection',
    'bank',
    'coefficients',
    'regions',
    'feature',
    'response',
    'roialign',
    'rkd',
    'two-stage',
    'one-stage',
  ],
  checkpoint: ['pth'],
  // By the type of mmdetection's registry.
  mmdet: ['RetinaNet', 'FCOS', 'ATSS', 'GFL', 'FasterRCNN', 'CascadeRCNN'],
};

/** What golden folders have and @kd has not yet: skipped by name. A name moves to `built` together with its test. */
export const notBuiltYet: Readonly<Record<Kind, readonly string[]>> = {
  area: [],
  op: [],
  detector: [],
  baseline: [],
  prototype: [],
  checkpoint: [],
  mmdet: [],
};

const names = (listed: readonly string[], name: string): boolean =>
  listed.some((one) => name === one || name.startsWith(`${one} `) || name.startsWith(`${one}.`));

export const statusOf = (kind: Kind, name: string): Status =>
  names(notBuiltYet[kind], name) ? 'not built yet' : names(built[kind], name) ? 'built' : 'unknown';
