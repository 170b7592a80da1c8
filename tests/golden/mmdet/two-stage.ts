import { createStepRng, type Regions, type Targets } from '@kd/core';
import type { CascadeRcnnDetector, FasterRcnnDetector, Proposals } from '@kd/detector-faster-rcnn';
import { encodeBoxes } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { LIMITS } from '../detectors/expectations.js';
import { onBatch } from '../detectors/steps.js';
import { expectClose, expectEqual, scoped } from '../support/index.js';
import { limitOf } from './checks.js';
import { builtOf, type LoadedCase } from './loaded-case.js';

type TwoStage = FasterRcnnDetector | CascadeRcnnDetector;
type Row = readonly number[];

/** Of the targets of regions, from the second implementation of the golden folder. */
const TARGETS = 2e-3;

const detectorOf = ({ detector }: LoadedCase): TwoStage => detector as TwoStage;

/** Rows of an image where the mask is 1. */
const rowsOf = async (of: tf.Tensor, on: Row, image: number): Promise<Row[]> =>
  ((await of.array()) as number[][][])[image]!.filter((_, i) => on[i] === 1);

/** mmdetection has the background last, and no box of it; ours is torchvision's order. */
const logitsAsTheirs = ([background, ...objects]: Row): number[] => [...objects, background!];
const boxesAsTheirs = (row: Row): Row => (row.length === 4 ? row : row.slice(4));

async function checkProposals({ io }: LoadedCase, { boxes, scores, mask }: Proposals, prefix: string): Promise<void> {
  for (const [i, on] of (await mask.array()).entries()) {
    const [b, s] = [`${prefix}/proposals${i}`, `${prefix}/proposal_scores${i}`];
    expectClose((await rowsOf(boxes, on, i)).flat(), io.get(b).values, LIMITS.boxes, b);
    expectClose((await rowsOf(tf.expandDims(scores, 2), on, i)).flat(), io.get(s).values, LIMITS.scores, s);
  }
}

/** Proposals, and what every stage reads and says in evaluation. */
export async function checkStages(loaded: LoadedCase): Promise<void> {
  const { io, index, batch } = loaded;
  const detector = detectorOf(loaded);
  const host = batch();
  await onBatch(host, (images) =>
    scoped(async () => {
      const output = detector.forward(images, { training: false });
      const priors = detector.priors(output, [host.shape[1], host.shape[2]]);
      const proposals = detector.proposals(output, priors, host.imageSizes, 'test');
      await checkProposals(loaded, proposals, 'eval');
      const on = await proposals.mask.array();
      const stages =
        'inferenceStages' in detector
          ? detector.inferenceStages(output, proposals, host.imageSizes)
          : [{ boxes: proposals.boxes, output: detector.secondStage.run(output, proposals.boxes, host.imageSizes) }];
      const stored = Object.keys(index.tensors.entries).filter((key) => /^eval\/stage\d+\/rois$/.test(key));
      expect(stages.length, 'stages').toBe(stored.length);
      for (const [n, { boxes, output }] of stages.entries()) {
        const { features, levels, logits, deltas } = output;
        const byImage = (of: tf.Tensor): Promise<Row[][]> => Promise.all(host.ids.map((_, i) => rowsOf(of, on[i]!, i)));
        const all = async (of: tf.Tensor): Promise<Row[]> => (await byImage(of)).flat();
        const at = (name: string): string => `eval/stage${n}/${name}`;
        const rois = (await byImage(boxes)).flatMap((rows, i) => rows.map((box) => [i, ...box]));
        expectClose(rois.flat(), io.get(at('rois')).values, LIMITS.boxes, at('rois'));
        expectEqual((await all(tf.expandDims(levels, 2))).flat(), io.get(at('levels')).values, at('levels'));
        expectClose(
          (await all(logits)).flatMap(logitsAsTheirs),
          io.get(at('cls_score')).values,
          limitOf(loaded, at('cls_score')),
          at('cls_score'),
        );
        expectClose(
          (await all(deltas)).flatMap(boxesAsTheirs),
          io.get(at('bbox_pred')).values,
          limitOf(loaded, at('bbox_pred')),
          at('bbox_pred'),
        );
        if (!io.has(at('pooled_first4'))) continue;
        const first = io.get(at('pooled_first4'));
        const pooled = tf.transpose(tf.reshape(features, [-1, ...features.shape.slice(2)]), [0, 3, 1, 2]);
        expectClose(
          await tf.slice(pooled, 0, first.shape[0]).data(),
          first.values,
          limitOf(loaded, at('pooled_first4')),
          at('pooled_first4'),
        );
      }
    }),
  );
}

/** What the box heads train on, stage by stage. */
export async function checkSamples(loaded: LoadedCase, scenario: string): Promise<void> {
  const { io, index, batch } = loaded;
  const detector = detectorOf(loaded);
  const host = batch(scenario);
  const { stages: wanted = [], boxes_per_image: counts } = index.train![scenario]!;
  await onBatch(host, (images, targets) =>
    scoped(async () => {
      const output = detector.forward(images, { training: true });
      const priors = detector.priors(output, targets.paddedSize);
      await checkProposals(loaded, detector.proposals(output, priors, host.imageSizes, 'train'), `train/${scenario}`);
      const regions = detector.secondStage.sample(
        output,
        priors,
        detector.assign(priors, targets),
        targets,
        createStepRng(0),
      );
      const on = tf.cast(tf.greater(regions.matched, tf.scalar(-2, 'int32')), 'float32') as tf.Tensor2D;
      const run = detector.secondStage.run(output, regions.boxes, host.imageSizes, on);
      const first = { regions, output: run };
      const stages = [first, ...(detector.secondStage.later?.(output, targets, first) ?? [])];
      expect(stages.length, 'stages').toBe(wanted.length);
      const read = inTheirOrder(
        await Promise.all(stages.map(({ regions: of, output: said }) => samplesOf(of, said, host, targets, counts))),
      );
      for (const [n, { samples }] of read.entries()) {
        await checkStage(loaded, samples, `train/${scenario}/stage${n}/`, n);
        host.ids.forEach((_, i) => {
          const key = `train/${scenario}/stage${n}/refined${i}`;
          if (!io.has(key)) return;
          const boxes = read[n + 1]!.proposed[i]!.flatMap(({ box }) => box);
          expectClose(boxes, io.get(key).values, LIMITS.boxes, key);
        });
      }
    }),
  );
}

interface Sample {
  readonly image: number;
  readonly box: Row;
  /** Counted from 0; the number of classes is background. */
  readonly label: number;
  readonly truth: boolean;
  readonly logits: Row;
  readonly deltas: Row;
  /** Its ground truth, of positives. */
  readonly wanted: Row | null;
}

interface Ordered {
  readonly samples: readonly Sample[];
  /** Of each image, what the stage before proposed. */
  readonly proposed: readonly (readonly Sample[])[];
}

/**
 * The samples of every stage in mmdetection's order: of each image the positives, then the negatives, ground truths
 * counted first, all others as the stage before had them.
 */
function inTheirOrder(stages: readonly (readonly Sample[][])[]): Ordered[] {
  const before: number[][] = [];
  return stages.map((images) => {
    const read = images.map((own, image) => {
      const others = own.flatMap(({ truth }, i) => (truth ? [] : [i]));
      const truths = own.flatMap(({ truth }, i) => (truth ? [i] : []));
      const proposed = before[image] ?? others;
      expect(proposed.length, 'all candidates are sampled').toBe(others.length);
      const candidates = [...truths, ...proposed];
      const positive = (i: number): boolean => own[i]!.wanted !== null;
      const order = [...candidates.filter(positive), ...candidates.filter((i) => !positive(i))];
      before[image] = order.filter((i) => !own[i]!.truth);
      return { samples: order.map((i) => own[i]!), proposed: proposed.map((i) => own[i]!) };
    });
    return { samples: read.flatMap(({ samples }) => samples), proposed: read.map(({ proposed }) => proposed) };
  });
}

/** The samples of each image in our order: ground truths come after all others. */
async function samplesOf(
  { boxes, matched }: Pick<Regions, 'boxes' | 'matched'>,
  { logits, deltas }: { readonly logits: tf.Tensor3D; readonly deltas: tf.Tensor3D },
  host: ReturnType<LoadedCase['batch']>,
  targets: Targets,
  counts: readonly number[],
): Promise<Sample[][]> {
  const background = logits.shape[2] - 1;
  const truths = await targets.boxes.array();
  const [all, said, codes] = [await boxes.array(), await logits.array(), await deltas.array()];
  return (await matched.array()).map((matches, image) => {
    const used = matches.flatMap((match, row) => (match > -2 ? [{ match, row }] : []));
    return used.map(({ match, row }, place) => ({
      image,
      box: all[image]![row]!,
      label: match < 0 ? background : host.labels[image * host.maxBoxes + match]!,
      truth: place >= used.length - counts[image]!,
      logits: logitsAsTheirs(said[image]![row]!),
      deltas: boxesAsTheirs(codes[image]![row]!),
      wanted: match < 0 ? null : truths[image]![match]!,
    }));
  });
}

async function checkStage(loaded: LoadedCase, samples: readonly Sample[], prefix: string, n: number): Promise<void> {
  const { io, index } = loaded;
  const stored = (name: string): ArrayLike<number> => io.get(prefix + name).values;
  expectClose(
    samples.flatMap(({ image, box }) => [image, ...box]),
    stored('rois'),
    LIMITS.boxes,
    `${prefix}rois`,
  );
  expectEqual(
    samples.map(({ label }) => label),
    stored('labels'),
    `${prefix}labels`,
  );
  const found = samples.flatMap(({ wanted }, i) => (wanted === null ? [] : [i]));
  expectEqual(found, stored('pos'), `${prefix}pos`);
  expectClose(
    samples.flatMap(({ logits }) => logits),
    stored('cls_score'),
    limitOf(loaded, `${prefix}cls_score`),
    `${prefix}cls_score`,
  );
  expectClose(
    samples.flatMap(({ deltas }) => deltas),
    stored('bbox_pred'),
    limitOf(loaded, `${prefix}bbox_pred`),
    `${prefix}bbox_pred`,
  );
  if (found.length === 0) return;
  const options = builtOf(index).options as {
    readonly roi: { readonly boxWeights?: [number, number, number, number] };
    readonly stages?: readonly { readonly boxWeights: [number, number, number, number] }[];
  };
  const of = (row: (sample: Sample) => Row): tf.Tensor2D => tf.tensor2d(found.map((i) => [...row(samples[i]!)]));
  const codes = encodeBoxes(
    of(({ wanted }) => wanted!),
    of(({ box }) => box),
    {
      weights: options.stages?.[n]!.boxWeights ?? options.roi.boxWeights!,
    },
  );
  expectClose(await codes.data(), stored('bbox_targets'), TARGETS, `${prefix}bbox_targets`);
}
