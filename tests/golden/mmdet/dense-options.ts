import type { FcosInput } from '@kd/detector-fcos';
import type { AtssInput, GflInput } from '@kd/detector-gfl';
import type { RetinaNetInput } from '@kd/detector-retinanet';
import type { MmdetIndex } from './index-file.js';
import { type NetworkOptions, networkOptions } from './network-options.js';
import type { Reader } from './reader.js';

type Config = MmdetIndex['config'];
type Towers =
  | { depth: number; channels: number; norm: 'none' }
  | { depth: number; channels: number; norm: 'group'; groups: number };

function towers(head: Reader, { fpnChannels }: NetworkOptions, { num_classes: classes }: Config): Towers {
  head.only('num_classes', classes);
  head.only('in_channels', fpnChannels);
  const shape = { depth: head.value<number>('stacked_convs'), channels: head.value<number>('feat_channels') };
  const groups = head.optional('norm_cfg', (norm) => {
    norm.only('type', 'GN');
    norm.only('requires_grad', true);
    return norm.value<number>('num_groups');
  });
  return groups === undefined ? { ...shape, norm: 'none' } : { ...shape, norm: 'group', groups };
}

/** Sizes of the levels in strides, and ratios. */
function anchorCells(head: Reader): {
  readonly scales: number[];
  readonly ratios: number[];
  readonly strides: number[];
} {
  return head.record('anchor_generator', (of) => {
    of.only('type', 'AnchorGenerator');
    const octaves = of.value<number>('scales_per_octave');
    const base = of.value<number>('octave_base_scale');
    return {
      scales: Array.from({ length: octaves }, (_, k) => base * 2 ** (k / octaves)),
      ratios: of.value('ratios'),
      strides: of.value('strides'),
    };
  });
}

/** The one scale of a detector with one square anchor a place. */
function anchorScale(head: Reader): { readonly anchorScale: number; readonly strides: number[] } {
  const { scales, ratios, strides } = anchorCells(head);
  if (scales.length !== 1 || ratios.length !== 1 || ratios[0] !== 1)
    throw new Error('anchor_generator: the detector has one square anchor a place');
  return { anchorScale: scales[0]!, strides };
}

export function coderOf(head: Reader, stds: readonly number[]): void {
  head.record('bbox_coder', (of) => {
    of.only('type', 'DeltaXYWHBBoxCoder');
    of.only('target_means', [0, 0, 0, 0]);
    of.only('target_stds', stds);
  });
}

const lossWeight = (of: Reader): number => of.value('loss_weight', 1);

const focal = (head: Reader): number =>
  head.record('loss_cls', (of) => {
    of.only('type', 'FocalLoss');
    of.only('use_sigmoid', true);
    of.only('gamma', 2);
    of.only('alpha', 0.25);
    return lossWeight(of);
  });

const centerness = (head: Reader): number =>
  head.record('loss_centerness', (of) => {
    of.only('type', 'CrossEntropyLoss');
    of.only('use_sigmoid', true);
    return lossWeight(of);
  });

const giou = (head: Reader): number =>
  head.record('loss_bbox', (of) => {
    of.only('type', 'GIoULoss');
    return lossWeight(of);
  });

function post(model: Reader) {
  return model.record('test_cfg', (of) => {
    of.only('min_bbox_size', 0);
    return {
      topkCandidates: of.value<number>('nms_pre'),
      scoreThresh: of.value<number>('score_thr'),
      nmsThresh: nmsThreshold(of),
      detectionsPerImg: of.value<number>('max_per_img'),
    };
  });
}

export const nmsThreshold = (of: Reader): number =>
  of.record('nms', (nms) => {
    nms.only('type', 'nms');
    return nms.value('iou_threshold');
  });

/** What of `train_cfg` has one value here. */
export function constantTraining(of: Reader): void {
  of.only('pos_weight', -1);
  of.only('debug', false);
}

function atssTraining(model: Reader): { readonly topk: number } {
  return model.record('train_cfg', (of) => {
    of.only('allowed_border', -1);
    constantTraining(of);
    return of.record('assigner', (assigner) => {
      assigner.only('type', 'ATSSAssigner');
      return { topk: assigner.value('topk') };
    });
  });
}

export const maxIou = (of: Reader) =>
  of.record('assigner', (assigner) => {
    assigner.only('type', 'MaxIoUAssigner');
    assigner.only('ignore_iof_thr', -1);
    return {
      high: assigner.value<number>('pos_iou_thr'),
      low: assigner.value<number>('neg_iou_thr'),
      lowQuality: assigner.oneOf('match_low_quality', [true, false], true),
      lowQualityMin: assigner.value('min_pos_iou', 0),
    };
  });

/** Options, and the strides that priors must have: ours are those of the network. */
export type Built<Options> = { readonly options: Options; readonly strides: readonly number[] };

export function retinanetOptions(model: Reader, config: Config): Built<RetinaNetInput> {
  const network = networkOptions(model, config);
  const { scales, strides, ...head } = model.record('bbox_head', (of) => {
    of.only('type', 'RetinaHead');
    coderOf(of, [1, 1, 1, 1]);
    const { scales, ratios, strides } = anchorCells(of);
    const box = of.record('loss_bbox', (loss) => {
      const type = loss.oneOf('type', ['L1Loss', 'SmoothL1Loss']);
      const kind = { L1Loss: 'l1', SmoothL1Loss: 'smooth_l1' } as const;
      return {
        boxLoss: kind[type],
        ...(type === 'SmoothL1Loss' && { beta: loss.value('beta', 1) }),
        weight: lossWeight(loss),
      };
    });
    const { weight, ...loss } = box;
    return {
      head: towers(of, network, config),
      scales,
      strides,
      ratios,
      ...loss,
      lossWeights: { classification: focal(of), box: weight },
    };
  });
  const { ratios, ...rest } = head;
  return {
    strides,
    options: {
      flavour: 'mmdet',
      ...network,
      ...rest,
      anchors: { sizes: strides.map((stride) => scales.map((scale) => stride * scale)), ratios },
      matcher: model.record('train_cfg', (of) => {
        of.only('allowed_border', -1);
        constantTraining(of);
        of.record('sampler', (sampler) => sampler.only('type', 'PseudoSampler'));
        return maxIou(of);
      }),
      post: post(model),
    },
  };
}

/** mmdetection's default, whatever the strides. */
const RANGES: [number, number][] = [
  [-1, 64],
  [64, 128],
  [128, 256],
  [256, 512],
  [512, 1e8],
];

export function fcosOptions(model: Reader, config: Config): Built<FcosInput> {
  const network = networkOptions(model, config);
  const built = model.record('bbox_head', (of) => {
    of.only('type', 'FCOSHead');
    of.only('dcn_on_last_conv', false);
    const sampling = of.oneOf('center_sampling', [true, false], false);
    const radius = of.value('center_sample_radius', 1.5);
    const bias = of.oneOf('conv_bias', ['auto', true, false], 'auto');
    const regressRanges = of.value('regress_ranges', RANGES);
    const box = of.record('loss_bbox', (loss) => {
      const type = loss.oneOf('type', ['IoULoss', 'GIoULoss']);
      if (type === 'IoULoss') loss.only('mode', 'log');
      return { boxLoss: type === 'IoULoss' ? ('iou' as const) : ('giou' as const), weight: lossWeight(loss) };
    });
    return {
      strides: of.value<number[]>('strides'),
      head: {
        ...towers(of, network, config),
        ...(bias !== 'auto' && { convBias: bias }),
        centerness: of.oneOf('centerness_on_reg', [true, false], false) ? ('reg' as const) : ('cls' as const),
        normOnBbox: of.oneOf('norm_on_bbox', [true, false], false),
      },
      centerSampling: sampling ? radius : (false as const),
      regressRanges,
      boxLoss: box.boxLoss,
      lossWeights: { classification: focal(of), box: box.weight, centerness: centerness(of) },
    };
  });
  const { strides, ...rest } = built;
  return { strides, options: { flavour: 'mmdet', ...network, ...rest, post: post(model) } };
}

export function atssOptions(model: Reader, config: Config): Built<AtssInput> {
  const network = networkOptions(model, config);
  const { strides, ...head } = model.record('bbox_head', (of) => {
    of.only('type', 'ATSSHead');
    coderOf(of, [0.1, 0.1, 0.2, 0.2]);
    return {
      head: towers(of, network, config),
      ...anchorScale(of),
      lossWeights: { classification: focal(of), box: giou(of), centerness: centerness(of) },
    };
  });
  return { strides, options: { ...network, ...head, assigner: atssTraining(model), post: post(model) } };
}

export function gflOptions(model: Reader, config: Config): Built<GflInput> {
  const network = networkOptions(model, config);
  const { strides, ...head } = model.record('bbox_head', (of) => {
    of.only('type', 'GFLHead');
    const classification = of.record('loss_cls', (loss) => {
      loss.only('type', 'QualityFocalLoss');
      loss.only('use_sigmoid', true);
      loss.only('beta', 2);
      return lossWeight(loss);
    });
    const distribution = of.record('loss_dfl', (loss) => {
      loss.only('type', 'DistributionFocalLoss');
      return lossWeight(loss);
    });
    return {
      head: towers(of, network, config),
      ...anchorScale(of),
      regMax: of.value('reg_max', 16),
      lossWeights: { classification, box: giou(of), distribution },
    };
  });
  return { strides, options: { ...network, ...head, assigner: atssTraining(model), post: post(model) } };
}
