import { createStepRng, type Regions, type Targets } from '@kd/core';
import type { FasterRcnnDetector } from '@kd/detector-faster-rcnn';
import { encodeBoxes, flattenLevels, gatherMatched } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { expectClose, expectEqual, scoped } from '../support/index.js';
import { LIMITS } from './expectations.js';
import type { LoadedCase } from './loaded-case.js';
import { onBatch } from './steps.js';

/** Proposals agree to this many pixels: they differ as the deltas behind them do. */
const PIXELS = 0.05;

const detectorOf = ({ detector }: LoadedCase): FasterRcnnDetector => detector as FasterRcnnDetector;
const limitOf = ({ index }: LoadedCase, key: string): number => LIMITS.features(index.tensors.entries[key]!);

/** Outputs of the first stage, proposals, pooled features and outputs of the second stage, in evaluation. */
export async function checkStages(loaded: LoadedCase): Promise<void> {
  const { io, weights } = loaded;
  const detector = detectorOf(loaded);
  const host = loaded.batch();
  await onBatch(host, (images) =>
    scoped(async () => {
      const output = detector.forward(images, { training: false });
      for (const [name, key, k] of [
        ['cls', 'eval/rpn_objectness', 1],
        ['reg', 'eval/rpn_deltas', 4],
      ] as const) {
        expectClose(
          await flattenLevels(output.predictions[name]!, k).data(),
          io.get(key).values,
          limitOf(loaded, key),
          key,
        );
      }
      const priors = detector.priors(output, [host.shape[1], host.shape[2]]);
      const proposals = detector.proposals(output, priors, host.imageSizes, 'test');
      for (const i of host.ids.keys()) {
        expectClose(
          await rowsOf(proposals.boxes, proposals.mask, i),
          io.get(`eval/proposals${i}`).values,
          PIXELS,
          `proposals of image ${i}`,
        );
        expectClose(
          await rowsOf(tf.expandDims(proposals.scores, 2), proposals.mask, i),
          io.get(`eval/proposal_scores${i}`).values,
          LIMITS.scores,
          `scores of the proposals of image ${i}`,
        );
      }
      expect((await tf.min(proposals.mask).data())[0], 'every row holds a proposal').toBe(1);
      const { features, levels, logits, deltas } = detector.secondStage.run(output, proposals.boxes, host.imageSizes);
      expectEqual(await levels.data(), io.get('eval/roi_levels').values, 'levels of the regions');
      const first = io.get('eval/pooled_first8');
      const pooled = tf.slice(
        tf.transpose(tf.reshape(features, [-1, ...features.shape.slice(2)]), [0, 3, 1, 2]),
        0,
        first.shape[0]!,
      );
      expectClose(await pooled.data(), first.values, limitOf(loaded, 'eval/pooled_first8'), 'pooled features');
      // The box head hands its features out to nobody: those of torch must give our logits behind its last layer.
      const [kernel, bias] = ['weight', 'bias'].map((part) => {
        const { data, shape } = weights.get(`roi_heads.box_predictor.cls_score.${part}`)!;
        return tf.tensor<tf.Rank>(data as Float32Array, [...shape]);
      }) as [tf.Tensor2D, tf.Tensor1D];
      const { values, shape } = io.get('eval/box_features');
      expectClose(
        await tf
          .add(tf.matMul(tf.tensor2d(Float32Array.from(values), [shape[0]!, shape[1]!]), kernel, false, true), bias)
          .data(),
        await logits.data(),
        limitOf(loaded, 'eval/class_logits'),
        'class logits of the stored box features',
      );
      expectClose(
        await logits.data(),
        io.get('eval/class_logits').values,
        limitOf(loaded, 'eval/class_logits'),
        'class logits',
      );
      expectClose(
        await deltas.data(),
        io.get('eval/box_regression').values,
        limitOf(loaded, 'eval/box_regression'),
        'box regression',
      );
    }),
  );
}

/** Rows [b, n, c] of an image where the mask [b, n] is 1. */
async function rowsOf(of: tf.Tensor, mask: tf.Tensor2D, image: number): Promise<number[]> {
  const on = (await mask.array())[image]!;
  return ((await of.array()) as number[][][])[image]!.filter((_, i) => on[i] === 1).flat();
}

/** Boxes one after the other as rows. */
const chunks = (boxes: ArrayLike<number>): number[][] =>
  Array.from({ length: boxes.length / 4 }, (_, i) => Array.from({ length: 4 }, (_, k) => boxes[4 * i + k]!));

/** What both stages train on in a scenario. */
export async function checkSamples(loaded: LoadedCase, scenario: string): Promise<void> {
  const { index, io } = loaded;
  const detector = detectorOf(loaded);
  const host = loaded.batch(scenario);
  const wanted = index.train[scenario]!;
  await onBatch(host, (images, targets) =>
    scoped(async () => {
      const output = detector.forward(images, { training: true });
      const priors = detector.priors(output, targets.paddedSize);
      const assignment = detector.assign(priors, targets);
      const regions = detector.secondStage.sample(output, priors, assignment, targets, createStepRng(0));
      const proposals = detector.proposals(output, priors, host.imageSizes, 'train');
      const matched = await assignment.matched.array();
      const sampled = await regions.sampledPriors.array();
      for (const [i, boxes] of wanted.boxes_per_image.entries()) {
        const key = (name: string): string => `train/${scenario}/${name}${i}`;
        expectClose(
          host.boxes.subarray(i * host.maxBoxes * 4, (i * host.maxBoxes + boxes) * 4),
          io.get(key('resized_boxes')).values,
          1e-4,
          `${scenario}: boxes of image ${i}`,
        );
        expectEqual(
          matched[i]!.map((match) => (match >= 0 ? 1 : match === -1 ? 0 : -1)),
          io.get(key('rpn_labels')).values,
          `${scenario}: labels of the anchors of image ${i}`,
        );
        const drawn = [...io.get(key('rpn_sampled_pos')).values, ...io.get(key('rpn_sampled_neg')).values].sort(
          (a, b) => a - b,
        );
        expectEqual(
          sampled[i]!.flatMap((one, row) => (one === 1 ? [row] : [])),
          drawn,
          `${scenario}: sampled anchors of image ${i}`,
        );
        expectClose(
          await rowsOf(proposals.boxes, proposals.mask, i),
          io.get(key('proposals')).values,
          PIXELS,
          `${scenario}: proposals of image ${i}`,
        );
        await checkRegions(loaded, regions, targets, { scenario, image: i });
        const candidates = [
          ...chunks(await rowsOf(proposals.boxes, proposals.mask, i)),
          ...chunks(host.boxes.subarray(i * host.maxBoxes * 4, (i * host.maxBoxes + boxes) * 4)),
        ];
        expectClose(
          [...io.get(key('roi_sampled')).values].flatMap((row) => candidates[row]!),
          io.get(key('roi_boxes')).values,
          PIXELS,
          `${scenario}: rows that the regions of image ${i} were sampled from`,
        );
        const count = (list: readonly number[], is: (one: number) => boolean): number => list.filter(is).length;
        const regionsMatched = (await regions.matched.array())[i]!;
        const drawnAnchors = matched[i]!.filter((_, row) => sampled[i]![row] === 1);
        expect(
          {
            rpn_pos: count(matched[i]!, (match) => match >= 0),
            rpn_neg: count(matched[i]!, (match) => match === -1),
            rpn_ignored: count(matched[i]!, (match) => match < -1),
            rpn_sampled_pos: count(drawnAnchors, (match) => match >= 0),
            rpn_sampled_neg: count(drawnAnchors, (match) => match === -1),
            proposals: count((await proposals.mask.array())[i]!, (one) => one === 1),
            roi_sampled: count(regionsMatched, (match) => match > -2),
            roi_sampled_pos: count(regionsMatched, (match) => match >= 0),
          },
          `${scenario}: counts of image ${i}`,
        ).toEqual({ ...wanted.counts![`image${i}`] });
      }
      const on = tf.cast(tf.greater(regions.matched, tf.scalar(-2, 'int32')), 'float32') as tf.Tensor2D;
      const { logits, deltas } = detector.secondStage.run(output, regions.boxes, host.imageSizes, on);
      for (const [name, of] of [
        ['class_logits', logits],
        ['box_regression', deltas],
      ] as const) {
        const key = `train/${scenario}/${name}`;
        expectClose(
          (await Promise.all(host.ids.map((_, i) => rowsOf(of, on, i)))).flat(),
          io.get(key).values,
          limitOf(loaded, key),
          key,
        );
      }
    }),
  );
}

async function checkRegions(
  loaded: LoadedCase,
  regions: Regions,
  targets: Targets,
  { scenario, image }: { readonly scenario: string; readonly image: number },
): Promise<void> {
  const { io, labelShift, index } = loaded;
  const of = (name: string): ArrayLike<number> => io.get(`train/${scenario}/${name}${image}`).values;
  const on = tf.cast(tf.greater(regions.matched, tf.scalar(-2, 'int32')), 'float32') as tf.Tensor2D;
  expectClose(
    await rowsOf(regions.boxes, on, image),
    of('roi_boxes'),
    PIXELS,
    `${scenario}: regions of image ${image}`,
  );
  const matched = await rowsOf(tf.expandDims(regions.matched, 2), on, image);
  const labels = await rowsOf(tf.expandDims(gatherMatched(targets.labels, regions.matched), 2), on, image);
  expectEqual(
    matched.map((match, i) => (match < 0 ? 0 : labels[i]! + labelShift)),
    of('roi_labels'),
    `${scenario}: labels of the regions of image ${image}`,
  );
  expectEqual(
    matched.map((match) => Math.max(match, 0)),
    of('roi_matched_idxs'),
    `${scenario}: matches of the regions of image ${image}`,
  );
  // Codes of positives alone: those of the others are used by nobody, and infinite where there is no ground truth.
  const weights = index.config.roi!.bbox_reg_weights;
  const codes = await rowsOf(
    encodeBoxes(gatherMatched(targets.boxes, regions.matched), regions.boxes, { weights }),
    on,
    image,
  );
  const positives = (values: ArrayLike<number>): number[] =>
    matched.flatMap((match, i) => (match < 0 ? [] : Array.from({ length: 4 }, (_, k) => values[4 * i + k]!)));
  const key = `train/${scenario}/roi_regression_targets${image}`;
  expectClose(positives(codes), positives(of('roi_regression_targets')), limitOf(loaded, key), key);
}
