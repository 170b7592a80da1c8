import { API_VERSION, defineDetector, type Detector, type DetectorContext } from '@kd/core';
import {
  anchorCells,
  BACKGROUND,
  createDenseDetector,
  denseEntries,
  denseShape,
  encodeBoxes,
  flattenLevels,
  fractionNumber,
  gatherMatched,
  l1Loss,
  matchBoxes,
  MAX_LOG_SIZE_RATIO,
  resnets,
  sigmoidFocalLossSum,
  strictOptions,
  wholeNumber,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';

const options = strictOptions({
  ...denseEntries, // backbone, norm, levels, input: what all one-stage detectors have
  /** Side of a cell's square anchor, in strides. */
  anchorScale: v.optional(wholeNumber(1), 4),
  depth: v.optional(wholeNumber(0), 4),
  /** IoU from which on an anchor is positive. */
  iou: v.optional(fractionNumber, 0.5),
});

/** One square anchor a cell, focal loss for the classes, L1 for the boxes. */
export const {{camel}} = defineDetector<v.InferOutput<typeof options>, v.InferInput<typeof options>>({
  name: '{{name}}',
  apiVersion: API_VERSION,
  options,
  backbones: resnets, // by name; those of packages too
  create: create{{Camel}},
});
export default {{camel}};

function create{{Camel}}(given: v.InferOutput<typeof options>, context: DetectorContext): Detector {
  const { anchorScale, depth, iou, fpnChannels } = given;
  const classes = context.categories.length;
  const shape = denseShape(given); // with the strides of the levels
  const { strides } = shape;
  const anchors = { sizes: strides.map((stride) => [anchorScale * stride]), ratios: strides.map(() => [1]) };
  const block = (branch: string) => (i: number) => ({
    conv: `head.${branch}.${i}`,
    norm: `head.${branch}.${i}.norm`,
    tap: `head.${branch}.${i}`,
  });

  return createDenseDetector(
    { ...given, ...shape, post: { scoreThresh: 0.05, nmsThresh: 0.5, detectionsPerImg: 100, topkCandidates: 1000 } },
    context,
    {
      name: '{{name}}',
      head: {
        depth,
        channels: fpnChannels,
        norm: 'none',
        groups: 1,
        branches: {
          cls: {
            block: block('cls'),
            outputs: { cls: { layer: 'head.cls.out', channels: classes, bias: -Math.log(99) } },
          },
          reg: { block: block('reg'), outputs: { reg: { layer: 'head.reg.out', channels: 4 } } },
        },
      },
      dense: { boxes: 'delta', priorsPerCell: 1, coding: { strides, anchors, coder: 'faster r-cnn' } },
      flavour: 'torchvision',
      priors: anchorCells(anchors),
      decode: { code: 'delta', weights: [1, 1, 1, 1], clip: MAX_LOG_SIZE_RATIO },
      assign: ({ boxes }, targets) =>
        tf.tidy(() => {
          // [b, a]
          const matched = matchBoxes(targets.boxes, targets.mask, boxes, { high: iou, low: iou, lowQuality: true });
          return {
            matched,
            positives: tf.sum(tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32'), 1) as tf.Tensor1D,
          };
        }),
      terms: ({ predictions }, { boxes: priors }, { matched, positives }, targets) =>
        tf.tidy(() => {
          const positive = tf.greaterEqual(matched, tf.scalar(0, 'int32')); // [b, a]
          const count = tf.maximum(tf.sum(positives), 1);
          const labels = tf.where<tf.Tensor>(
            positive,
            gatherMatched(targets.labels, matched),
            tf.scalar(BACKGROUND, 'int32'),
          ) as tf.Tensor2D;
          const classification = tf.sum(sigmoidFocalLossSum(flattenLevels(predictions['cls']!, classes), labels));
          // Anchors without an object take themselves as their box, so that what the mask drops is finite.
          const wanted = tf.where<tf.Tensor>(
            tf.expandDims(positive, 2),
            gatherMatched(targets.boxes, matched),
            tf.expandDims(priors, 0),
          );
          const offsets = l1Loss(flattenLevels(predictions['reg']!, 4), encodeBoxes(wanted, priors)); // [b, a, 4]
          const box = tf.sum(tf.mul(offsets, tf.cast(tf.expandDims(positive, 2), 'float32')));
          return { classification: tf.div(classification, count) as tf.Scalar, box: tf.div(box, count) as tf.Scalar };
        }),
    },
  );
}
