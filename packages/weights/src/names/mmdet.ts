import type { NameMap, NameRule } from './name-map.js';
import type { Template } from './template.js';
import { batchNorms, COUNTERS } from './torchvision.js';

// As mmdetection 3.3.0 names them; what 2.x and 1.x did otherwise, by its pages on compatibility.

const IGNORED = [
  ...COUNTERS,
  ['ema_{rest}', "the running copy of mmdetection 2.x's averaging; the plain names hold the averaged weights"],
  ['steps', 'a counter of averaged weights'],
  ['data_preprocessor.{rest}', 'mean and deviation of the pixels, which are options of the input'],
] as const;

const FOREIGN = [
  ['backbone.stem.{rest}', 'a deep stem (ResNetV1d, ResNeSt): three convolutions where the ResNets here have one'],
  ['backbone.layer{s}.{b}.conv2.conv_offset.{rest}', 'a deformable convolution'],
  ['backbone.layer{s}.{b}.conv2.conv_offset_mask.{rest}', 'a deformable convolution'],
  ['bbox_head.{rest}_convs.{i}.conv.conv_offset.{more}', 'a deformable convolution in the towers'],
] as const;

/** A GroupNorm is called `gn` where a batch norm is `bn`; `exportStateDict` tells the two apart on the way back. */
const norm = (theirs: Template, ours: Template): readonly NameRule[] =>
  ['bn', 'gn'].map((kind) => ({ theirs: theirs.replace('{norm}', kind), ours }));

const backbone: readonly NameRule[] = [
  ...['conv1', 'layer{s}.{b}.conv{i}', 'layer{s}.{b}.downsample.{i}'].map((name) => ({
    theirs: `backbone.${name}`,
    ours: `backbone.body.${name}`,
  })),
  ...norm('backbone.{norm}1', 'backbone.body.bn1'),
  ...norm('backbone.layer{s}.{b}.{norm}{i}', 'backbone.body.layer{s}.{b}.bn{i}'),
];

/** The levels above the last stage stand in one list with those of the stages. */
const counts = { levels: ['neck.lateral_convs.{i}.conv', 'backbone.fpn.inner_blocks.{i}.0'] } as const;
const neck: readonly NameRule[] = [
  { theirs: 'neck.lateral_convs.{i}.conv', ours: 'backbone.fpn.inner_blocks.{i}.0' },
  ...norm('neck.lateral_convs.{i}.{norm}', 'backbone.fpn.inner_blocks.{i}.1'),
  { theirs: 'neck.fpn_convs.{i<levels}.conv', ours: 'backbone.fpn.layer_blocks.{i}.0' },
  ...norm('neck.fpn_convs.{i<levels}.{norm}', 'backbone.fpn.layer_blocks.{i}.1'),
  { theirs: 'neck.fpn_convs.{levels}.conv', ours: 'backbone.fpn.extra_blocks.p6' },
  { theirs: 'neck.fpn_convs.{levels+1}.conv', ours: 'backbone.fpn.extra_blocks.p7' },
];

const [CLS, REG] = ['head.classification_head', 'head.regression_head'];
/** Towers as RetinaNet, ATSS and GFL have them here: convolution and norm of block i are `conv.{i}.0` and `.1`. */
const blocks: readonly NameRule[] = [
  { theirs: 'bbox_head.cls_convs.{i}.conv', ours: `${CLS}.conv.{i}.0` },
  { theirs: 'bbox_head.cls_convs.{i}.gn', ours: `${CLS}.conv.{i}.1` },
  { theirs: 'bbox_head.reg_convs.{i}.conv', ours: `${REG}.conv.{i}.0` },
  { theirs: 'bbox_head.reg_convs.{i}.gn', ours: `${REG}.conv.{i}.1` },
];
const scales: readonly NameRule[] = [{ theirs: 'bbox_head.scales.{l}', ours: `${REG}.scales.{l}` }];
const outputs = (cls: string, reg: string): readonly NameRule[] => [
  { theirs: `bbox_head.${cls}`, ours: `${CLS}.cls_logits` },
  { theirs: `bbox_head.${reg}`, ours: `${REG}.bbox_reg` },
];

const needs = [batchNorms('backbone.bn1.running_mean')];
const dense = { family: 'mmdet', counts, ignored: IGNORED, needs } as const;
const mmdetFlavour = { options: "flavour: 'mmdet'" } as const;

const oneStage: readonly NameMap[] = [
  {
    ...dense,
    id: 'mmdet-retinanet',
    title: "mmdetection's RetinaNet",
    detector: 'retinanet',
    theirs: { has: ['bbox_head.retina_cls', 'bbox_head.retina_reg'] },
    ours: { has: [`${CLS}.cls_logits`], not: ['head.{rest}.bbox_ctrness', `${REG}.scales.{l}`] },
    // Up to 0.5.3.
    older: [
      ['bbox_head.cls_convs.{i}', 'bbox_head.cls_convs.{i}.conv'],
      ['bbox_head.reg_convs.{i}', 'bbox_head.reg_convs.{i}.conv'],
    ],
    rules: [...backbone, ...neck, ...blocks, ...outputs('retina_cls', 'retina_reg')],
    foreign: [
      ...FOREIGN,
      ['bbox_head.{rest}_convs.{l}.{i}.{more}', 'towers whose levels have norms of their own (RetinaSepBNHead)'],
      ['bbox_head.{rest}_convs.{i}.bn.{more}', 'batch norms in the towers; ours have group norms or none'],
    ],
    needs: [mmdetFlavour, ...needs, { where: 'bbox_head.cls_convs.{i}.gn.weight', options: "head: { norm: 'group' }" }],
  },
  {
    ...dense,
    id: 'mmdet-fcos',
    title: "mmdetection's FCOS",
    detector: 'fcos',
    theirs: { has: ['bbox_head.conv_cls', 'bbox_head.conv_reg', 'bbox_head.conv_centerness'] },
    ours: { has: [`${CLS}.cls_logits`, 'head.{rest}.bbox_ctrness'], not: [`${CLS}.conv.{i}.0`] },
    older: [
      ['bbox_head.fcos_cls', 'bbox_head.conv_cls'],
      ['bbox_head.fcos_reg', 'bbox_head.conv_reg'],
      ['bbox_head.fcos_centerness', 'bbox_head.conv_centerness'],
    ],
    rules: [
      ...backbone,
      ...neck,
      { theirs: 'bbox_head.cls_convs.{i}.conv', ours: `${CLS}.conv.{i*3}` },
      { theirs: 'bbox_head.cls_convs.{i}.gn', ours: `${CLS}.conv.{i*3+1}` },
      { theirs: 'bbox_head.reg_convs.{i}.conv', ours: `${REG}.conv.{i*3}` },
      { theirs: 'bbox_head.reg_convs.{i}.gn', ours: `${REG}.conv.{i*3+1}` },
      ...outputs('conv_cls', 'conv_reg'),
      // Which tower it reads stands in the config alone (centerness_on_reg).
      { theirs: 'bbox_head.conv_centerness', ours: [`${CLS}.bbox_ctrness`, `${REG}.bbox_ctrness`] },
      ...scales,
    ],
    foreign: FOREIGN,
    needs: [
      mmdetFlavour,
      ...needs,
      { where: 'bbox_head.cls_convs.{i}.conv.bias', options: 'head: { convBias: true }' },
      { without: 'bbox_head.cls_convs.{i}.gn.weight', options: "head: { norm: 'none' }" },
    ],
  },
  {
    ...dense,
    id: 'mmdet-atss',
    title: "mmdetection's ATSS",
    detector: 'atss',
    theirs: { has: ['bbox_head.atss_cls', 'bbox_head.atss_reg', 'bbox_head.atss_centerness'] },
    ours: { has: [`${CLS}.conv.{i}.0`, `${REG}.bbox_ctrness`] },
    rules: [
      ...backbone,
      ...neck,
      ...blocks,
      ...outputs('atss_cls', 'atss_reg'),
      { theirs: 'bbox_head.atss_centerness', ours: `${REG}.bbox_ctrness` },
      ...scales,
    ],
    foreign: FOREIGN,
  },
  {
    ...dense,
    id: 'mmdet-gfl',
    title: "mmdetection's GFL",
    detector: 'gfl',
    theirs: { has: ['bbox_head.gfl_cls', 'bbox_head.gfl_reg'] },
    ours: { has: [`${CLS}.conv.{i}.0`, `${REG}.scales.{l}`], not: [`${REG}.bbox_ctrness`] },
    rules: [...backbone, ...neck, ...blocks, ...outputs('gfl_cls', 'gfl_reg'), ...scales],
    ignored: [...IGNORED, ['bbox_head.integral.project', 'the numbers 0 to reg_max, a constant']],
    foreign: [...FOREIGN, ['bbox_head.reg_conf.{rest}', 'the quality branch of GFLv2']],
  },
];

const MASKS = [
  ['roi_head.mask_head.{rest}', 'masks, which no detector here predicts'],
  ['mask_head.{rest}', 'masks, which no detector here predicts'],
] as const;

/** @param head before the names of the second stage: version 1.x has no `roi_head.` */
function twoStage(head: Template): Record<'faster' | 'cascade', Pick<NameMap, 'rules' | 'counts' | 'theirs'>> {
  const rpn: NameRule[] = [
    { theirs: 'rpn_head.rpn_conv', ours: 'rpn.head.conv.0.0', unless: 'moreRpn' },
    { theirs: 'rpn_head.rpn_conv.{i}.conv', ours: 'rpn.head.conv.{i}.0', when: 'moreRpn' },
    { theirs: 'rpn_head.rpn_cls', ours: 'rpn.head.cls_logits' },
    { theirs: 'rpn_head.rpn_reg', ours: 'rpn.head.bbox_pred' },
  ];
  const moreRpn = ['rpn_head.rpn_conv.{i+1}.conv', 'rpn.head.conv.{i+1}.0'] as const;
  const convs = [`${head}.shared_convs.{i}.conv`, 'roi_heads.box_head.{i}.0'] as const;
  return {
    faster: {
      theirs: { has: [`${head}.fc_cls`, 'rpn_head.rpn_cls'] },
      counts: { ...counts, moreRpn, convs },
      rules: [
        ...backbone,
        ...neck,
        ...rpn,
        { theirs: `${head}.shared_convs.{i}.conv`, ours: 'roi_heads.box_head.{i}.0' },
        ...norm(`${head}.shared_convs.{i}.{norm}`, 'roi_heads.box_head.{i}.1'),
        { theirs: `${head}.shared_fcs.{i}`, ours: 'roi_heads.box_head.fc{i+6}', unless: 'convs' },
        { theirs: `${head}.shared_fcs.{i}`, ours: 'roi_heads.box_head.{i*2+convs+1}', when: 'convs' },
        { theirs: `${head}.fc_cls`, ours: 'roi_heads.box_predictor.cls_score' },
        { theirs: `${head}.fc_reg`, ours: 'roi_heads.box_predictor.bbox_pred' },
      ],
    },
    cascade: {
      theirs: { has: [`${head}.{s}.fc_cls`, 'rpn_head.rpn_cls'] },
      counts: { ...counts, moreRpn },
      rules: [
        ...backbone,
        ...neck,
        ...rpn,
        { theirs: `${head}.{s}.shared_fcs.{i}`, ours: 'roi_heads.{s}.box_head.fc{i+6}' },
        { theirs: `${head}.{s}.fc_cls`, ours: 'roi_heads.{s}.box_predictor.cls_score' },
        { theirs: `${head}.{s}.fc_reg`, ours: 'roi_heads.{s}.box_predictor.bbox_pred' },
      ],
    },
  };
}

const now = twoStage('roi_head.bbox_head');
const before2 = twoStage('bbox_head');
const regions = { family: 'mmdet', ignored: [...IGNORED, ...MASKS], foreign: FOREIGN } as const;

const twoStages: readonly NameMap[] = [
  {
    ...regions,
    ...now.faster,
    id: 'mmdet-faster-rcnn',
    title: "mmdetection's Faster R-CNN",
    detector: 'faster-rcnn',
    needs: [mmdetFlavour, ...needs],
    ours: { has: ['roi_heads.box_predictor.cls_score'] },
    backgroundLast: {
      classes: 'roi_heads.box_predictor.cls_score',
      boxes: 'roi_heads.box_predictor.bbox_pred',
    },
  },
  {
    ...regions,
    ...now.cascade,
    id: 'mmdet-cascade-rcnn',
    title: "mmdetection's Cascade R-CNN",
    detector: 'cascade-rcnn',
    needs: [mmdetFlavour, ...needs],
    ours: { has: ['roi_heads.{s}.box_predictor.cls_score'] },
    backgroundLast: {
      classes: 'roi_heads.{s}.box_predictor.cls_score',
      boxes: 'roi_heads.{s}.box_predictor.bbox_pred',
      oneBox: true,
    },
  },
  // Version 1.x has the background first, in weights and biases, as ours.
  {
    ...regions,
    ...before2.faster,
    id: 'mmdet1-faster-rcnn',
    title: 'Faster R-CNN of mmdetection 1.x',
    needs: [mmdetFlavour, ...needs],
    detector: 'faster-rcnn',
  },
  {
    ...regions,
    ...before2.cascade,
    id: 'mmdet1-cascade-rcnn',
    title: 'Cascade R-CNN of mmdetection 1.x',
    needs: [mmdetFlavour, ...needs],
    detector: 'cascade-rcnn',
  },
];

/** Backbone and neck, below a head that no map knows or none. */
export const mmdetBackbone: NameMap = {
  ...dense,
  id: 'mmdet-backbone',
  title: "mmdetection's backbone and neck",
  detector: null,
  theirs: { has: ['backbone.layer1.0.conv1'] },
  ours: { has: ['backbone.body.layer1.0.conv1'] },
  rules: [...backbone, ...neck],
  ignored: [...IGNORED, ['head.{rest}', "a classifier's head; a detector has one of its own"]],
  foreign: FOREIGN,
};

export const mmdetMaps: readonly NameMap[] = [...oneStage, ...twoStages];
