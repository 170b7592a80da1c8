import type { Detector } from '@kd/core';
import { mmdetNetwork, type MmdetNetwork, testPipeline } from './mmdet-network.js';
import { assignment, dict, type PythonCall, type PythonValue } from './python-text.js';
import { cannot, type ConfigOf, configOf } from './torch-config.js';
import type { TorchModel } from './torch-model.js';
import type { PythonPart } from './torchvision-network.js';

/** Lines that build `detector` from a config of mmdetection. @throws KdError USAGE */
export function mmdetModel(model: TorchModel): PythonPart {
  const { network, value } = described(model);
  return {
    imports: [
      'import mmdet.models',
      'from mmengine.config import ConfigDict',
      'from mmdet.registry import MODELS',
      'from mmengine.registry import init_default_scope',
      ...network.imports,
    ],
    lines: [
      ...network.lines,
      assignment('model', value),
      assignment('test_pipeline', testPipeline(model)),
      '',
      'init_default_scope("mmdet")',
      'detector = MODELS.build(ConfigDict(model))',
    ],
  };
}

function described(model: TorchModel): { readonly network: MmdetNetwork; readonly value: PythonCall } {
  const { detector } = model;
  const { name } = detector;
  const of = (network: MmdetNetwork, type: string, parts: Readonly<Record<string, PythonValue>>) => ({
    network,
    value: dict({ type, ...network.parts, ...parts }),
  });
  if (name === 'retinanet') {
    const config = configOf(detector, name, 'mmdet');
    refuseFlavour(detector, config);
    return of(mmdetNetwork(model, config), 'RetinaNet', {
      bbox_head: dict({
        type: 'RetinaHead',
        ...headOf(detector, config),
        anchor_generator: anchorGenerator(detector, config.anchors, config.strides),
        bbox_coder: coder([1, 1, 1, 1]),
      }),
      test_cfg: denseTest(config.post),
    });
  }
  if (name === 'fcos') {
    const config = configOf(detector, name, 'mmdet');
    refuseFlavour(detector, config);
    return of(mmdetNetwork(model, config), 'FCOS', {
      bbox_head: dict({
        type: 'FCOSHead',
        ...headOf(detector, config),
        strides: config.strides,
        conv_bias: config.head.convBias,
        norm_on_bbox: config.head.normOnBbox,
        centerness_on_reg: config.head.centerness === 'reg',
      }),
      test_cfg: denseTest(config.post),
    });
  }
  if (name === 'atss' || name === 'gfl') {
    const config = configOf(detector, name, 'mmdet');
    const grid = dict({
      type: 'AnchorGenerator',
      ratios: [1],
      octave_base_scale: config.anchorScale,
      scales_per_octave: 1,
      strides: config.strides,
    });
    return of(mmdetNetwork(model, config), name === 'gfl' ? 'GFL' : 'ATSS', {
      bbox_head: dict({
        type: name === 'gfl' ? 'GFLHead' : 'ATSSHead',
        ...headOf(detector, config),
        anchor_generator: grid,
        ...('regMax' in config
          ? { reg_max: config.regMax, loss_dfl: dict({ type: 'DistributionFocalLoss', loss_weight: 0.25 }) }
          : { bbox_coder: coder([10, 10, 5, 5]) }),
      }),
      test_cfg: denseTest(config.post),
    });
  }
  if (name === 'faster-rcnn') {
    const config = configOf(detector, name, 'mmdet');
    refuseFlavour(detector, config);
    const network = mmdetNetwork(model, config);
    return of(network, 'FasterRCNN', {
      rpn_head: rpnHead(detector, config),
      roi_head: dict({
        type: 'StandardRoIHead',
        bbox_roi_extractor: extractor(config),
        bbox_head: boxHead(detector, config, network),
      }),
      train_cfg: null,
      test_cfg: regionTest(config),
    });
  }
  if (name === 'cascade-rcnn') {
    const config = configOf(detector, name, 'mmdet');
    refuseFlavour(detector, config);
    return of(mmdetNetwork(model, config), 'CascadeRCNN', {
      rpn_head: rpnHead(detector, config),
      roi_head: dict({
        type: 'CascadeRoIHead',
        num_stages: config.stages.length,
        stage_loss_weights: config.stages.map(({ weight }) => weight),
        bbox_roi_extractor: extractor(config),
        bbox_head: config.stages.map(({ boxWeights }) =>
          dict({
            type: 'Shared2FCBBoxHead',
            in_channels: config.fpnChannels,
            fc_out_channels: config.box.representationSize,
            roi_feat_size: config.roi.outputSize,
            num_classes: detector.categories.length,
            bbox_coder: coder(boxWeights),
            reg_class_agnostic: config.box.classAgnostic,
          }),
        ),
      }),
      train_cfg: null,
      test_cfg: regionTest(config),
    });
  }
  throw cannot(
    'mmdet',
    detector,
    'there are RetinaNet, FCOS, ATSS, GFL, Faster R-CNN and Cascade R-CNN',
    'Export it to ONNX instead.',
  );
}

function refuseFlavour(detector: Detector, { flavour }: { readonly flavour: 'torchvision' | 'mmdet' }): void {
  if (flavour === 'torchvision')
    throw cannot(
      'mmdet',
      detector,
      "its anchors, points or limits are torchvision's (flavour: 'torchvision')",
      detector.name === 'cascade-rcnn' ? 'Export it to ONNX.' : 'Export it to torchvision, or to ONNX.',
    );
}

const headOf = (
  { categories }: Detector,
  { head, fpnChannels }: Pick<ConfigOf<'gfl'>, 'head' | 'fpnChannels'>,
): Record<string, PythonValue> => ({
  num_classes: categories.length,
  in_channels: fpnChannels,
  stacked_convs: head.depth,
  feat_channels: head.channels,
  norm_cfg: head.norm === 'none' ? null : dict({ type: 'GN', num_groups: head.groups }),
});

const coder = (weights: readonly number[]): PythonCall =>
  dict({
    type: 'DeltaXYWHBBoxCoder',
    target_means: [0, 0, 0, 0],
    target_stds: weights.map((weight) => 1 / weight),
  });

/** Their anchors are sizes times common factors, and have the same ratios on all levels. */
function anchorGenerator(
  detector: Detector,
  { sizes, ratios }: ConfigOf<'retinanet'>['anchors'],
  strides: readonly number[],
): PythonCall {
  const factors = (level: number): number[] => sizes[level]!.map((size) => size / sizes[level]![0]!);
  const near = (a: readonly number[], b: readonly number[]): boolean =>
    a.length === b.length && a.every((one, i) => Math.abs(one - b[i]!) <= 1e-9 * Math.abs(one));
  const [scales, first] = [factors(0), ratios[0]!];
  if (!sizes.every((_, level) => near(factors(level), scales)) || !ratios.every((list) => near(list, first)))
    throw cannot(
      'mmdet',
      detector,
      "its anchors differ from level to level in more than their size, and mmdetection's have the same factors and ratios on all",
      'Export it to ONNX instead.',
    );
  return dict({
    type: 'AnchorGenerator',
    base_sizes: sizes.map(([size]) => size!),
    scales,
    ratios: first,
    strides,
  });
}

const nms = (iou: number): PythonCall => dict({ type: 'nms', iou_threshold: iou });

const denseTest = (post: ConfigOf<'gfl'>['post']): PythonCall =>
  dict({
    nms_pre: post.topkCandidates,
    min_bbox_size: 0,
    score_thr: post.scoreThresh,
    nms: nms(post.nmsThresh),
    max_per_img: post.detectionsPerImg,
  });

type Regions = ConfigOf<'cascade-rcnn'> | ConfigOf<'faster-rcnn'>;

function rpnHead(detector: Detector, { rpn, anchors, strides, fpnChannels }: Regions): PythonCall {
  if (rpn.scoreThresh > 0)
    throw cannot(
      'mmdet',
      detector,
      `its first stage has a threshold of scores (rpn.scoreThresh ${rpn.scoreThresh}), and mmdetection's none`,
      'Export it to ONNX instead.',
    );
  return dict({
    type: 'RPNHead',
    in_channels: fpnChannels,
    feat_channels: fpnChannels,
    num_convs: rpn.depth,
    anchor_generator: anchorGenerator(detector, anchors, strides),
    bbox_coder: coder([1, 1, 1, 1]),
  });
}

const extractor = ({ roi, strides, returnedLayers, fpnChannels }: Regions): PythonCall => {
  const pooled = strides.slice(0, returnedLayers.length);
  return dict({
    type: 'SingleRoIExtractor',
    roi_layer: dict({
      type: 'RoIAlign',
      output_size: roi.outputSize,
      sampling_ratio: roi.samplingRatio,
      aligned: roi.aligned,
    }),
    out_channels: fpnChannels,
    featmap_strides: pooled,
    finest_scale: (roi.canonicalScale * pooled[0]!) / 2 ** roi.canonicalLevel,
  });
};

function boxHead(detector: Detector, config: ConfigOf<'faster-rcnn'>, { norm }: MmdetNetwork): PythonCall {
  const { box, roi, fpnChannels } = config;
  const { conv, fc } = box.widths;
  for (const list of [conv, fc])
    if (new Set(list).size > 1)
      throw cannot(
        'mmdet',
        detector,
        `the layers of its box head are ${list.join(', ')} wide, and mmdetection's have one width`,
        'Export it to torchvision, or to ONNX.',
      );
  return dict({
    type: box.head === 'two_mlp' ? 'Shared2FCBBoxHead' : 'ConvFCBBoxHead',
    ...(box.head === 'conv_fc' && {
      num_shared_convs: conv.length,
      num_shared_fcs: fc.length,
      conv_out_channels: conv[0] ?? fpnChannels,
      norm_cfg: norm,
    }),
    in_channels: fpnChannels,
    fc_out_channels: fc[0]!,
    roi_feat_size: roi.outputSize,
    num_classes: detector.categories.length,
    bbox_coder: coder(roi.boxWeights),
    reg_class_agnostic: box.classAgnostic,
  });
}

const regionTest = ({ rpn, post }: Regions): PythonCall =>
  dict({
    rpn: dict({
      nms_pre: rpn.preNmsTopN.test,
      max_per_img: rpn.postNmsTopN.test,
      nms: nms(rpn.nmsThresh),
      min_bbox_size: rpn.minSize,
    }),
    rcnn: dict({
      score_thr: post.scoreThresh,
      nms: nms(post.nmsThresh),
      max_per_img: post.detectionsPerImg,
    }),
  });
