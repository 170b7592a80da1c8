import * as tf from '@tensorflow/tfjs-core';
import {
  anchorGrid,
  boxIou,
  ciouLoss,
  clipBoxes,
  decodeBoxes,
  decodeDistances,
  diouLoss,
  encodeBoxes,
  encodeDistances,
  generalizedBoxIou,
  giouLoss,
  largeEnough,
  matchAnchors,
  nms,
  resizeBoxes,
  type AnchorOptions,
  type BoxCoderOptions,
  type MatcherOptions,
} from '@kd/vision';
import { functional, onHost, out, reduce, type Inputs, type Op, type Outputs, type Params } from './case.js';

type Size = readonly [number, number];

const coderOptions = ({ weights, clip }: Params): BoxCoderOptions => ({
  weights: weights as NonNullable<BoxCoderOptions['weights']>,
  ...(clip === undefined ? {} : { clip: clip as number }),
});

const iouLoss = (loss: typeof giouLoss): Op =>
  functional(({ pred, target }, { eps, reduction }) =>
    out(reduce(loss(pred!, target!, { eps: eps as number }), reduction)),
  );

/** Codes of k boxes a row, [n, 4 k], decoded against one reference a row. */
function decodeRows(codes: tf.Tensor, reference: tf.Tensor, options: BoxCoderOptions): tf.Tensor {
  const [n, columns] = codes.shape as [number, number];
  const boxes = decodeBoxes(tf.reshape(codes, [n, columns / 4, 4]), tf.expandDims(reference, 1), options);
  return tf.reshape(boxes, [n, columns]);
}

const indicesOf = async (mask: tf.Tensor): Promise<number[]> =>
  [...(await mask.data()).entries()].flatMap(([i, kept]) => (kept ? [i] : []));

function suppress({ boxes, scores, idxs }: Inputs, { iou_threshold }: Params): Outputs {
  const options = { threshold: iou_threshold as number, ...(idxs ? { classes: idxs.values } : {}) };
  return { keep: nms(Float32Array.from(boxes!.values), Float32Array.from(scores!.values), options) };
}

function matches(quality: tf.Tensor, params: Params): Outputs {
  const options: MatcherOptions = {
    high: params['high'] as number,
    low: params['low'] as number,
    lowQuality: params['allow_low_quality_matches'] as boolean,
  };
  const rows = quality.shape[0]!;
  return { matches: tf.squeeze(matchAnchors(tf.expandDims(quality, 0), tf.ones([1, rows]), options), [0]) };
}

function anchors(params: Params): Outputs {
  const { sizes, ratios } = params as unknown as AnchorOptions;
  const priors = anchorGrid(params['levels_hw'] as Size[], params['batch_hw'] as Size, { sizes, ratios });
  if (JSON.stringify(priors.strides) !== JSON.stringify(params['strides_hw']))
    throw new Error(`strides ${JSON.stringify(priors.strides)}, expected ${JSON.stringify(params['strides_hw'])}`);
  return { anchors: priors.boxes };
}

export const boxOps: Readonly<Record<string, Op>> = {
  box_iou: functional(({ a, b }) => out(boxIou(a!, b!))),
  generalized_box_iou: functional(({ a, b }) => out(generalizedBoxIou(a!, b!))),
  generalized_box_iou_loss: iouLoss(giouLoss),
  distance_box_iou_loss: iouLoss(diouLoss),
  complete_box_iou_loss: iouLoss(ciouLoss),
  'BoxCoder.encode_single': functional(({ gt, ref }, params) => out(encodeBoxes(gt!, ref!, coderOptions(params)))),
  'BoxCoder.decode_single': functional(({ codes, ref }, params) => out(decodeRows(codes!, ref!, coderOptions(params)))),
  'BoxLinearCoder.encode': functional(({ gt, ref }, p) =>
    out(encodeDistances(gt!, ref!, { normalizeBySize: p['normalize_by_size'] as boolean })),
  ),
  'BoxLinearCoder.decode': functional(({ codes, ref }, p) =>
    out(decodeDistances(codes!, ref!, { normalizeBySize: p['normalize_by_size'] as boolean })),
  ),
  clip_boxes_to_image: functional(({ boxes }, { height, width }) =>
    out(clipBoxes(boxes!, [height as number, width as number])),
  ),
  remove_small_boxes: functional(({ boxes }, { min_size }) => ({
    keep: indicesOf(largeEnough(boxes!, min_size as number)),
  })),
  resize_boxes: functional(({ boxes }, { from_hw, to_hw }) => out(resizeBoxes(boxes!, from_hw as Size, to_hw as Size))),
  Matcher: functional(({ quality }, params) => matches(quality!, params)),
  nms: onHost(suppress),
  batched_nms: onHost(suppress),
  AnchorGenerator: functional((_, params) => anchors(params)),
};
