import type { CascadeRcnnInput, FasterRcnnInput } from '@kd/detector-faster-rcnn';
import { only } from '../support/index.js';
import { type Built, coderOf, constantTraining, maxIou, nmsThreshold } from './dense-options.js';
import type { MmdetIndex } from './index-file.js';
import { networkOptions, type NetworkOptions } from './network-options.js';
import type { Reader } from './reader.js';

type Config = MmdetIndex['config'];
type Shared = Pick<FasterRcnnInput, 'anchors' | 'rpn' | 'post'> & Omit<NetworkOptions, 'reluBeforeP7'>;

/** Where L1, which has none, and smooth L1 turn from square to linear, and the loss' weight. */
const boxLoss = (head: Reader): { readonly beta: number; readonly weight: number } =>
  head.record('loss_bbox', (loss) => {
    const type = loss.oneOf('type', ['L1Loss', 'SmoothL1Loss']);
    return { beta: type === 'L1Loss' ? 0 : loss.value('beta', 1), weight: loss.value('loss_weight', 1) };
  });

const entropy = (head: Reader, sigmoid: boolean): number =>
  head.record('loss_cls', (loss) => {
    loss.only('type', 'CrossEntropyLoss');
    loss.only('use_sigmoid', sigmoid);
    return loss.value('loss_weight', 1);
  });

/** All that take part are sampled in the cases, whose numbers of candidates are below `num`. */
const sampler = (of: Reader, truth: boolean): { readonly batchSize: number; readonly positiveFraction: number } =>
  of.record('sampler', (sampler) => {
    sampler.only('type', 'RandomSampler');
    sampler.only('neg_pos_ub', -1);
    sampler.only('add_gt_as_proposals', truth);
    return { batchSize: sampler.value('num'), positiveFraction: sampler.value('pos_fraction') };
  });

interface RpnHead {
  readonly strides: number[];
  readonly scales: number[];
  readonly ratios: number[];
  readonly beta: number;
  readonly weights: { readonly objectness: number; readonly rpnBox: number };
}

const rpnHead = (model: Reader, width: number): RpnHead =>
  model.record('rpn_head', (of) => {
    of.only('type', 'RPNHead');
    of.only('in_channels', width);
    of.only('feat_channels', width);
    of.only('num_convs', 1);
    coderOf(of, [1, 1, 1, 1]);
    const anchors = of.record('anchor_generator', (cells) => {
      cells.only('type', 'AnchorGenerator');
      return {
        scales: cells.value<number[]>('scales'),
        ratios: cells.value<number[]>('ratios'),
        strides: cells.value<number[]>('strides'),
      };
    });
    const { beta, weight } = boxLoss(of);
    return { ...anchors, beta, weights: { objectness: entropy(of, true), rpnBox: weight } };
  });

const proposing = (of: Reader) => {
  of.only('min_bbox_size', 0);
  return {
    before: of.value<number>('nms_pre'),
    after: of.value<number>('max_per_img'),
    nms: nmsThreshold(of),
  };
};

/** Backbone, pyramid, first stage and what is kept in the end; `rcnn` reads what the box heads train on. */
function sharedOptions<Rcnn>(
  model: Reader,
  config: Config,
  rcnn: (train: Reader) => Rcnn,
): { readonly shared: Shared; readonly rcnn: Rcnn; readonly weights: RpnHead['weights']; readonly strides: number[] } {
  const { reluBeforeP7: _, ...network } = networkOptions(model, config);
  const { strides, scales, ratios, beta, weights } = rpnHead(model, network.fpnChannels);
  const training = model.record('train_cfg', (of) => ({
    rpn: of.record('rpn', (rpn) => {
      constantTraining(rpn);
      const border = rpn.value<number>('allowed_border');
      const { lowQuality, ...matcher } = maxIou(rpn);
      only('train_cfg.rpn.assigner.match_low_quality', lowQuality, true);
      return { ...matcher, ...sampler(rpn, false), allowedBorder: border < 0 ? (false as const) : border };
    }),
    proposals: of.record('rpn_proposal', proposing),
    rcnn: rcnn(of),
  }));
  const testing = model.record('test_cfg', (of) => ({
    rpn: of.record('rpn', proposing),
    post: of.record('rcnn', (post) => ({
      scoreThresh: post.value<number>('score_thr'),
      nmsThresh: nmsThreshold(post),
      detectionsPerImg: post.value<number>('max_per_img'),
    })),
  }));
  only('test_cfg.rpn.nms', testing.rpn.nms, training.proposals.nms);
  return {
    strides,
    weights,
    rcnn: training.rcnn,
    shared: {
      ...network,
      anchors: { sizes: strides.map((stride) => scales.map((scale) => stride * scale)), ratios },
      rpn: {
        ...training.rpn,
        beta,
        preNmsTopN: { train: training.proposals.before, test: testing.rpn.before },
        postNmsTopN: { train: training.proposals.after, test: testing.rpn.after },
        nmsThresh: training.proposals.nms,
      },
      post: testing.post,
    },
  };
}

interface BoxHead {
  readonly width: number;
  readonly side: number;
  readonly factors: [number, number, number, number];
  readonly agnostic: boolean;
  readonly classification: number;
  readonly beta: number;
  readonly weight: number;
}

const boxHead =
  (fpnChannels: number, classes: number) =>
  (of: Reader): BoxHead => {
    of.only('type', 'Shared2FCBBoxHead');
    of.only('in_channels', fpnChannels);
    of.only('num_classes', classes);
    const stds = of.record('bbox_coder', (coder) => {
      coder.only('type', 'DeltaXYWHBBoxCoder');
      coder.only('target_means', [0, 0, 0, 0]);
      return coder.value<number[]>('target_stds');
    });
    return {
      width: of.value('fc_out_channels'),
      side: of.value('roi_feat_size'),
      factors: stds.map((std) => 1 / std) as BoxHead['factors'],
      agnostic: of.oneOf('reg_class_agnostic', [true, false], false),
      classification: entropy(of, false),
      ...boxLoss(of),
    };
  };

const pooling = (roi: Reader, fpnChannels: number, side: number) =>
  roi.record('bbox_roi_extractor', (of) => {
    of.only('type', 'SingleRoIExtractor');
    of.only('out_channels', fpnChannels);
    const strides = of.value<number[]>('featmap_strides');
    only(
      'featmap_strides',
      strides,
      strides.map((_, i) => 4 * 2 ** i),
    );
    return {
      outputSize: side,
      samplingRatio: of.record('roi_layer', (layer) => {
        layer.only('type', 'RoIAlign');
        layer.only('output_size', side);
        return layer.value<number>('sampling_ratio');
      }),
      aligned: true,
      canonicalScale: of.value('finest_scale', 56),
      canonicalLevel: Math.log2(strides[0]!),
    };
  });

/** What a box head trains on. */
const regions = (of: Reader) => {
  constantTraining(of);
  const { high, low, lowQuality } = maxIou(of);
  // No low-quality matches: the least IoU of one says nothing.
  only('assigner.match_low_quality', lowQuality, false);
  return { high, low, ...sampler(of, true) };
};

export function fasterRcnnOptions(model: Reader, config: Config): Built<FasterRcnnInput> {
  const { shared, rcnn, weights, strides } = sharedOptions(model, config, (of) => of.record('rcnn', regions));
  const width = shared.fpnChannels;
  const { head, pooled } = model.record('roi_head', (of) => {
    of.only('type', 'StandardRoIHead');
    const head = of.record('bbox_head', boxHead(width, config.num_classes));
    return { head, pooled: pooling(of, width, head.side) };
  });
  return {
    strides,
    options: {
      flavour: 'mmdet',
      ...shared,
      roi: { ...pooled, ...rcnn, boxWeights: head.factors, beta: head.beta },
      box: { head: 'two_mlp', representationSize: head.width, classAgnostic: head.agnostic },
      lossWeights: { ...weights, classification: head.classification, box: head.weight },
    },
  };
}

export function cascadeRcnnOptions(model: Reader, config: Config): Built<CascadeRcnnInput> {
  const { shared, rcnn, weights, strides } = sharedOptions(model, config, (of) => of.records('rcnn', regions));
  const width = shared.fpnChannels;
  const { heads, pooled, factors } = model.record('roi_head', (of) => {
    of.only('type', 'CascadeRoIHead');
    const heads = of.records('bbox_head', boxHead(width, config.num_classes));
    of.only('num_stages', heads.length);
    return {
      heads,
      factors: of.value<number[]>('stage_loss_weights'),
      pooled: pooling(of, width, heads[0]!.side),
    };
  });
  // What the stages have in common here.
  const [first] = heads as [BoxHead, ...BoxHead[]];
  heads.forEach(({ factors: _, ...head }, i) => {
    const { factors: __, ...same } = first;
    only(`roi_head.bbox_head[${i}]`, head, same);
  });
  const { high: _high, low: _low, ...sampling } = rcnn[0]!;
  rcnn.forEach(({ high, low, ...own }, i) => {
    only(`train_cfg.rcnn[${i}].sampler`, own, sampling);
    only(`train_cfg.rcnn[${i}].assigner.neg_iou_thr`, low, high);
  });
  return {
    strides,
    options: {
      flavour: 'mmdet',
      ...shared,
      stages: heads.map((head, i) => ({ iou: rcnn[i]!.high, weight: factors[i]!, boxWeights: head.factors })),
      roi: { ...pooled, ...sampling, beta: first.beta },
      box: { representationSize: first.width, classAgnostic: first.agnostic },
      lossWeights: { ...weights, classification: first.classification, box: first.weight },
    },
  };
}
