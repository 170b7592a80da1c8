import type { StepRng } from '@kd/core';
import {
  createFasterRcnn,
  fasterRcnn,
  type FasterRcnnDetector,
  type FasterRcnnInput,
  type SampleRows,
  resolveConfig,
} from '@kd/detector-faster-rcnn';
import { parseOptions, type DetectorContext } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { type GoldenTensors, oneOf, only } from '../support/index.js';
import type { CaseConfig, DetectorIndex, Sampling } from './index-file.js';
import { networkOptions } from './network-options.js';

/** The options of the case's network and of how a scenario samples: every value comes from its index. */
export function fasterRcnnOptions(config: CaseConfig, sampling?: Sampling): FasterRcnnInput {
  const { head = {}, rpn, roi, fpn } = config;
  if (rpn === undefined || roi === undefined) throw new Error('the case has no rpn or no roi');
  const modes = ({ training, testing }: { readonly training: number; readonly testing: number }) => ({
    train: training,
    test: testing,
  });
  const [side, ...others] = [...new Set(roi.pool_output_size)];
  if (side === undefined || others.length > 0) throw new Error('regions of the case are not pooled to squares');
  // What the head was built with is among the values in force.
  for (const [key, ours] of Object.entries({
    sampling_ratio: roi.pool_sampling_ratio,
    canonical_scale: roi.canonical_scale,
    canonical_level: roi.canonical_level,
  }))
    if (head[key as 'sampling_ratio'] !== undefined) only(`head.${key}`, head[key as 'sampling_ratio'], ours);
  return {
    ...networkOptions(config),
    fpnNorm: fpn.norm !== undefined && oneOf('fpn.norm', fpn.norm, ['bn']) === 'bn',
    anchors: { sizes: config.anchors.sizes, ratios: config.anchors.ratios },
    rpn: {
      depth: head.rpn_conv_depth ?? 1,
      preNmsTopN: modes(rpn.pre_nms_top_n),
      postNmsTopN: modes(rpn.post_nms_top_n),
      nmsThresh: rpn.nms_thresh,
      scoreThresh: rpn.score_thresh,
      minSize: rpn.min_size,
      high: rpn.fg_iou_thresh,
      low: rpn.bg_iou_thresh,
      ...(sampling && {
        batchSize: sampling.rpn_batch_size_per_image,
        positiveFraction: sampling.rpn_positive_fraction,
      }),
    },
    roi: {
      outputSize: side,
      samplingRatio: roi.pool_sampling_ratio,
      aligned: roi.pool_aligned,
      canonicalScale: roi.canonical_scale,
      canonicalLevel: roi.canonical_level,
      high: roi.fg_iou_thresh,
      low: roi.bg_iou_thresh,
      boxWeights: roi.bbox_reg_weights,
      ...(sampling && {
        batchSize: sampling.roi_batch_size_per_image,
        positiveFraction: sampling.roi_positive_fraction,
      }),
    },
    box: {
      head: oneOf('head.box_head', head.box_head ?? '', ['two_mlp', 'conv_fc']),
      ...(head.representation_size !== undefined && { representationSize: head.representation_size }),
      ...(head.box_convs !== undefined && { convLayers: head.box_convs }),
    },
    post: { scoreThresh: roi.score_thresh, nmsThresh: roi.nms_thresh, detectionsPerImg: roi.detections_per_img },
  };
}

/**
 * The detector of a case; a scenario that was drawn is sampled with the indices that were recorded.
 * @param strays gets, of each sampling, how many of those are no candidates here: they cannot be read within a step
 */
export function createCase(
  { name, config, train }: DetectorIndex,
  io: GoldenTensors,
  context: DetectorContext,
  strays: tf.Scalar[],
  scenario?: string,
): FasterRcnnDetector {
  const sampling = scenario === undefined ? undefined : train[scenario]!.sampling;
  const options = parseOptions(fasterRcnn.definition.options, fasterRcnnOptions(config, sampling), name);
  return createFasterRcnn(
    resolveConfig(options),
    context,
    sampling?.kind === 'recorded' ? { sampleRows: recordedRows(io, `train/${scenario}`, strays) } : {},
  );
}

/**
 * What torch drew: anchors of the first stage; of the second one, rows of the proposals followed by the ground truth.
 */
function recordedRows(io: GoldenTensors, prefix: string, strays: tf.Scalar[]): SampleRows {
  const indices = (image: number, ...names: string[]): number[] =>
    names.flatMap((name) => [...io.get(`${prefix}/${name}${image}`).values]);
  return (stage, { positive, negative }, _size, _rng: StepRng) => {
    const [b, n] = positive.shape;
    const rows = Array.from({ length: b }, (_, image) => {
      const drawn = new Set(
        stage === 'rpn' ? indices(image, 'rpn_sampled_pos', 'rpn_sampled_neg') : indices(image, 'roi_sampled'),
      );
      return Array.from({ length: n }, (_, i) => (drawn.has(i) ? 1 : 0));
    });
    const mask = tf.tensor2d(rows);
    const others = tf.cast(tf.logicalNot(tf.logicalOr(positive, negative)), 'float32');
    strays.push(tf.keep(tf.sum<tf.Scalar>(tf.mul(mask, others))));
    return mask;
  };
}
