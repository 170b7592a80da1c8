import { assignment, call, code, type PythonValue, tuple } from './python-text.js';
import { cannot, type ConfigOf, configOf } from './torch-config.js';
import type { TorchModel } from './torch-model.js';
import { anchorGenerator, type PythonPart, torchvisionNetwork, transformArguments } from './torchvision-network.js';

const ANCHORS = 'from torchvision.models.detection.anchor_utils import AnchorGenerator';

/** Lines that build `model` from torchvision's parts, every argument given. @throws KdError USAGE */
export function torchvisionModel(model: TorchModel): PythonPart {
  const { name } = model.detector;
  if (name === 'retinanet') return retinanet(model, configOf(model.detector, name, 'torchvision'));
  if (name === 'fcos') return fcos(model, configOf(model.detector, name, 'torchvision'));
  if (name === 'faster-rcnn') return fasterRcnn(model, configOf(model.detector, name, 'torchvision'));
  throw cannot(
    'torchvision',
    model.detector,
    'torchvision has RetinaNet, FCOS and Faster R-CNN',
    name === 'atss' || name === 'gfl' || name === 'cascade-rcnn'
      ? 'Export it to mmdet, or to ONNX.'
      : 'Export it to ONNX.',
  );
}

function refuseFlavour({ detector }: TorchModel, { flavour }: Pick<ConfigOf<'fcos'>, 'flavour'>): void {
  if (flavour === 'mmdet')
    throw cannot(
      'torchvision',
      detector,
      "it decodes boxes as mmdetection does (flavour: 'mmdet')",
      'Export it to mmdet, or to ONNX.',
    );
}

function together(parts: readonly PythonPart[]): PythonPart {
  return { imports: parts.flatMap(({ imports }) => imports), lines: parts.flatMap(({ lines }) => lines) };
}

function retinanet(model: TorchModel, config: ConfigOf<'retinanet'>): PythonPart {
  refuseFlavour(model, config);
  const { head, post, matcher, anchors, fpnChannels } = config;
  const classes = model.detector.categories.length;
  const perCell = anchors.sizes[0]!.length * anchors.ratios[0]!.length;
  const norm = head.norm === 'group' ? code(`partial(nn.GroupNorm, ${head.groups})`) : null;
  const usual = head.depth === 4 && head.channels === fpnChannels;
  const block = (from: string): string => `Conv2dNormActivation(${from}, ${head.channels}, norm_layer=tower_norm)`;
  return together([
    torchvisionNetwork(model, config),
    {
      imports: [
        ANCHORS,
        'from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead',
        ...(norm === null ? [] : ['from functools import partial']),
        ...(usual ? [] : ['from torchvision.ops.misc import Conv2dNormActivation']),
      ],
      lines: [
        '',
        assignment('tower_norm', norm),
        assignment('head', call('RetinaNetHead', [fpnChannels, perCell, classes], { norm_layer: code('tower_norm') })),
        ...(usual
          ? []
          : towers(config, `return nn.Sequential(*(${block('width')} for width in widths))`, {
              'classification_head.cls_logits': perCell * classes,
              'regression_head.bbox_reg': perCell * 4,
            })),
        assignment(
          'model',
          call('RetinaNet', [code('backbone'), classes], {
            ...transformArguments(model),
            anchor_generator: anchorGenerator(anchors),
            head: code('head'),
            score_thresh: post.scoreThresh,
            nms_thresh: post.nmsThresh,
            detections_per_img: post.detectionsPerImg,
            fg_iou_thresh: matcher.high,
            bg_iou_thresh: matcher.low,
            topk_candidates: post.topkCandidates,
          }),
        ),
      ],
    },
  ]);
}

function fcos(model: TorchModel, config: ConfigOf<'fcos'>): PythonPart {
  refuseFlavour(model, config);
  const { head, post, sizes, radius, fpnChannels } = config;
  if (!head.convBias)
    throw cannot(
      'torchvision',
      model.detector,
      "the convolutions of its towers have no bias, and torchvision's have one",
      'Export it to ONNX instead.',
    );
  const classes = model.detector.categories.length;
  const usual = head.channels === fpnChannels && head.norm === 'group' && head.groups === 32;
  const norm = head.norm === 'group' ? `nn.GroupNorm(${head.groups}, ${head.channels})` : `nn.Identity()`;
  const block = `(nn.Conv2d(width, ${head.channels}, 3, padding=1), ${norm}, nn.ReLU())`;
  return together([
    torchvisionNetwork(model, config),
    {
      imports: [ANCHORS, 'from torchvision.models.detection.fcos import FCOS, FCOSHead'],
      lines: [
        '',
        assignment('head', call('FCOSHead', [fpnChannels, 1, classes], { num_convs: usual ? head.depth : 0 })),
        ...(usual
          ? []
          : towers(config, `return nn.Sequential(*(layer for width in widths for layer in ${block}))`, {
              'classification_head.cls_logits': classes,
              'regression_head.bbox_reg': 4,
              'regression_head.bbox_ctrness': 1,
            })),
        assignment(
          'model',
          call('FCOS', [code('backbone'), classes], {
            ...transformArguments(model),
            anchor_generator: anchorGenerator({ sizes: sizes.map((size) => [size]), ratios: sizes.map(() => [1]) }),
            head: code('head'),
            ...(radius !== null && { center_sampling_radius: radius }),
            score_thresh: post.scoreThresh,
            nms_thresh: post.nmsThresh,
            detections_per_img: post.detectionsPerImg,
            topk_candidates: post.topkCandidates,
          }),
        ),
      ],
    },
  ]);
}

/** Towers of a depth and width that the constructors have no argument for. */
function towers(
  { head: { depth, channels }, fpnChannels }: Pick<ConfigOf<'fcos'>, 'head' | 'fpnChannels'> | ConfigOf<'retinanet'>,
  built: string,
  outputs: Readonly<Record<string, number>>,
): string[] {
  const widths = Array.from({ length: depth }, (_, i) => (i === 0 ? fpnChannels : channels));
  const into = depth === 0 ? fpnChannels : channels;
  return [
    '',
    `# Towers of ${depth} ${depth === 1 ? 'block' : 'blocks'} of ${channels} channels; torchvision's are as wide as the pyramid.`,
    assignment('widths', widths),
    '',
    '',
    'def tower():',
    `    ${built}`,
    '',
    '',
    'head.classification_head.conv, head.regression_head.conv = tower(), tower()',
    ...Object.entries(outputs).map(([layer, out]) => `head.${layer} = nn.Conv2d(${into}, ${out}, 3, padding=1)`),
  ];
}

function fasterRcnn(model: TorchModel, config: ConfigOf<'faster-rcnn'>): PythonPart {
  refuseFlavour(model, config);
  const { rpn, roi, box, post, anchors, fpnChannels, returnedLayers } = config;
  const no = (why: string): never => {
    throw cannot('torchvision', model.detector, why, 'Export it to ONNX instead.');
  };
  if (box.classAgnostic) no("one box serves all classes (box.classAgnostic), and torchvision's predict one each");
  if (roi.aligned) no('its RoIAlign moves boxes by half a cell (roi.aligned), which torchvision has no argument for');
  const classes = model.detector.categories.length + 1;
  const perCell = anchors.sizes[0]!.length * anchors.ratios[0]!.length;
  const { outputSize: side } = roi;
  const wide = box.widths.fc.at(-1)!;
  const head: PythonValue =
    box.head === 'two_mlp'
      ? call('TwoMLPHead', [fpnChannels * side * side, wide])
      : call('FastRCNNConvFCHead', [tuple([fpnChannels, side, side]), box.widths.conv, box.widths.fc], {
          norm_layer: code('norm'),
        });
  return together([
    torchvisionNetwork(model, config),
    {
      imports: [
        ANCHORS,
        `from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, ${box.head === 'two_mlp' ? 'TwoMLPHead' : 'FastRCNNConvFCHead'}`,
        'from torchvision.models.detection.rpn import RPNHead',
        'from torchvision.ops import MultiScaleRoIAlign',
      ],
      lines: [
        '',
        '# The background is class 0.',
        assignment(
          'model',
          call('FasterRCNN', [code('backbone')], {
            ...transformArguments(model),
            rpn_anchor_generator: anchorGenerator(anchors),
            rpn_head: call('RPNHead', [fpnChannels, perCell], { conv_depth: rpn.depth }),
            rpn_pre_nms_top_n_train: rpn.preNmsTopN.train,
            rpn_pre_nms_top_n_test: rpn.preNmsTopN.test,
            rpn_post_nms_top_n_train: rpn.postNmsTopN.train,
            rpn_post_nms_top_n_test: rpn.postNmsTopN.test,
            rpn_nms_thresh: rpn.nmsThresh,
            rpn_fg_iou_thresh: rpn.high,
            rpn_bg_iou_thresh: rpn.low,
            rpn_batch_size_per_image: rpn.batchSize,
            rpn_positive_fraction: rpn.positiveFraction,
            rpn_score_thresh: rpn.scoreThresh,
            box_roi_pool: call('MultiScaleRoIAlign', [], {
              featmap_names: returnedLayers.map((_, i) => String(i)),
              output_size: side,
              sampling_ratio: roi.samplingRatio,
              canonical_scale: roi.canonicalScale,
              canonical_level: roi.canonicalLevel,
            }),
            box_head: head,
            box_predictor: call('FastRCNNPredictor', [wide, classes]),
            box_score_thresh: post.scoreThresh,
            box_nms_thresh: post.nmsThresh,
            box_detections_per_img: post.detectionsPerImg,
            box_fg_iou_thresh: roi.high,
            box_bg_iou_thresh: roi.low,
            box_batch_size_per_image: roi.batchSize,
            box_positive_fraction: roi.positiveFraction,
            bbox_reg_weights: tuple(roi.boxWeights),
          }),
        ),
        ...(rpn.minSize === 1e-3 ? [] : [`model.rpn.min_size = ${rpn.minSize}`]),
      ],
    },
  ]);
}
