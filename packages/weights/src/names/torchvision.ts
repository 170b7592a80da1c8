import type { NameMap, NameRule } from './name-map.js';
import type { Template } from './template.js';

/** Layers that are called the same here. */
const same = (...templates: Template[]): NameRule[] => templates.map((name) => ({ theirs: name, ours: name }));

/** What torch counts beside every live batch norm; it fills it in when it is not there. */
export const COUNTERS = [['{rest}.num_batches_tracked', 'a counter of torch that nothing reads']] as const;

const TOWERS = ['head.classification_head', 'head.regression_head'] as const;
const pyramid = [
  ...same('backbone.body.{rest}'),
  ...same('backbone.fpn.inner_blocks.{i}.{j}', 'backbone.fpn.layer_blocks.{i}.{j}'),
  ...same('backbone.fpn.extra_blocks.p6', 'backbone.fpn.extra_blocks.p7'),
];
const olderPyramid = [
  ['backbone.fpn.inner_blocks.{i}', 'backbone.fpn.inner_blocks.{i}.0'],
  ['backbone.fpn.layer_blocks.{i}', 'backbone.fpn.layer_blocks.{i}.0'],
] as const;
const blocks = same(...TOWERS.map((tower) => `${tower}.conv.{i}.{j}`));
const outputs = same(`${TOWERS[0]}.cls_logits`, `${TOWERS[1]}.bbox_reg`);
const scales = same(`${TOWERS[1]}.scales.{i}`);
const centerness = same(...TOWERS.map((tower) => `${tower}.bbox_ctrness`));
const rpn = same('rpn.head.conv.{i}.0', 'rpn.head.cls_logits', 'rpn.head.bbox_pred');

/** Norms with statistics are batch norms, which no detector has by itself. */
export const batchNorms = (name: Template): NonNullable<NameMap['needs']>[number] => ({
  where: name,
  options: "norm: 'frozen', 'eval' or 'live'",
});

const common = {
  family: 'torchvision',
  ignored: COUNTERS,
  needs: [batchNorms('backbone.body.bn1.running_mean')],
} as const;
/** Both ways one set of names: what tells theirs tells ours. */
const signs = (theirs: NameMap['theirs']) => ({ theirs, ours: theirs });

const detectors: readonly NameMap[] = [
  {
    ...common,
    id: 'torchvision-retinanet',
    title: "torchvision's RetinaNet",
    detector: 'retinanet',
    ...signs({ has: [`${TOWERS[0]}.cls_logits`], not: ['head.{rest}.bbox_ctrness', `${TOWERS[1]}.scales.{i}`] }),
    // Before 0.13 convolutions and ReLUs were counted in one list.
    older: [...olderPyramid, ...TOWERS.map((tower) => [`${tower}.conv.{i*2}`, `${tower}.conv.{i}.0`] as const)],
    rules: [...pyramid, ...blocks, ...outputs],
    needs: [...common.needs, { where: `${TOWERS[0]}.conv.{i}.1.weight`, options: "head: { norm: 'group' }" }],
  },
  {
    ...common,
    id: 'torchvision-fcos',
    title: "torchvision's FCOS",
    detector: 'fcos',
    ...signs({ has: [`${TOWERS[0]}.cls_logits`, 'head.{rest}.bbox_ctrness'], not: [`${TOWERS[0]}.conv.{i}.{j}`] }),
    older: olderPyramid,
    // Convolution, norm and ReLU of a block lie side by side.
    rules: [...pyramid, ...same(...TOWERS.map((tower) => `${tower}.conv.{i}`)), ...outputs, ...centerness, ...scales],
  },
  {
    ...common,
    id: 'torchvision-gfl',
    title: "ATSS or GFL under torchvision's kind of names",
    // Either of the two.
    detector: null,
    ...signs({ has: [`${TOWERS[0]}.conv.{i}.{j}`, `${TOWERS[1]}.scales.{i}`] }),
    rules: [...pyramid, ...blocks, ...outputs, ...centerness, ...scales],
  },
  {
    ...common,
    id: 'torchvision-faster-rcnn',
    title: "torchvision's Faster R-CNN",
    detector: 'faster-rcnn',
    ...signs({ has: ['roi_heads.box_predictor.cls_score'] }),
    older: [...olderPyramid, ['rpn.head.conv', 'rpn.head.conv.0.0']],
    rules: [
      ...pyramid,
      ...rpn,
      ...same('roi_heads.box_head.{rest}', 'roi_heads.box_predictor.cls_score', 'roi_heads.box_predictor.bbox_pred'),
    ],
    ignored: [
      ...COUNTERS,
      ['roi_heads.mask_{rest}', 'masks, which no detector here predicts'],
      ['roi_heads.keypoint_{rest}', 'key points, which no detector here predicts'],
    ],
  },
  {
    ...common,
    id: 'torchvision-cascade-rcnn',
    title: "Cascade R-CNN under torchvision's kind of names",
    detector: 'cascade-rcnn',
    ...signs({ has: ['roi_heads.{s}.box_predictor.cls_score'] }),
    rules: [
      ...pyramid,
      ...rpn,
      ...same(
        'roi_heads.{s}.box_head.{rest}',
        'roi_heads.{s}.box_predictor.cls_score',
        'roi_heads.{s}.box_predictor.bbox_pred',
      ),
    ],
  },
];

/** A backbone alone, or below a head that no map knows. */
export const torchvisionBackbone: NameMap = {
  ...common,
  id: 'torchvision-backbone',
  title: "a backbone under torchvision's names",
  detector: null,
  ...signs({ has: ['backbone.body.{rest}'] }),
  older: olderPyramid,
  rules: pyramid,
};

const classifiers: readonly NameMap[] = [
  {
    ...common,
    id: 'resnet',
    title: "torchvision's or timm's ResNet classifier",
    detector: null,
    theirs: { has: ['layer1.0.conv1'] },
    needs: [batchNorms('bn1.running_mean')],
    rules: ['conv1', 'bn1', 'layer{s}.{b}.conv{i}', 'layer{s}.{b}.bn{i}', 'layer{s}.{b}.downsample.{i}'].map(
      (name) => ({
        theirs: name,
        ours: `backbone.body.${name}`,
      }),
    ),
    ignored: [
      ...COUNTERS,
      ['fc.{rest}', "the classifier's last layer; a detector has a head of its own"],
      ['conv1.bias', "a bias that Caffe's files hold beside a norm"],
      ['layer{s}.{b}.conv{i}.bias', "a bias that Caffe's files hold beside a norm"],
      ['layer{s}.{b}.downsample.0.bias', "a bias that Caffe's files hold beside a norm"],
    ],
    foreign: [
      ['conv1.{i}.{rest}', 'a deep stem (resnet50d and its like): three convolutions where the ResNets here have one'],
      ['layer{s}.{b}.downsample.2.{rest}', 'a shortcut behind an average pool (resnet50d and its like)'],
      ['layer{s}.{b}.se.{rest}', 'squeeze and excitation (SE-ResNet)'],
      ['layer{s}.{b}.conv2.{rest}.{more}', 'a convolution of another kind (ResNeSt, Res2Net, selective kernels)'],
    ],
  },
  ...(['conv', 'block'] as const).map(
    (block): NameMap => ({
      ...common,
      id: block === 'conv' ? 'mobilenet-v2' : 'mobilenet-v3',
      title: `torchvision's MobileNet${block === 'conv' ? 'V2' : 'V3'} classifier`,
      detector: null,
      theirs: { has: ['features.0.0', `features.{i}.${block}.0.0`] },
      rules: [{ theirs: 'features.{rest}', ours: 'backbone.body.{rest}' }],
      ignored: [...COUNTERS, ['classifier.{rest}', "the classifier's last layers; a detector has a head of its own"]],
    }),
  ),
];

export const torchvisionMaps: readonly NameMap[] = [...detectors, ...classifiers];
