import {
  KdError,
  type Detector,
  type DetectorContext,
  type DetectorOutput,
  detectInParts,
  type ExportedNetwork,
  type ImageSizes,
  type RegionOutput,
  type RegionSamples,
  type Regions,
  type SecondStage,
  type StepRng,
  type Targets,
  untaped,
} from '@kd/core';
import { clipBoxes, decodeBoxes, layerVariables, MAX_LOG_SIZE_RATIO } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type BoxHead, buildBoxHead } from './box-head.js';
import type { CascadeRcnnConfig } from './cascade-options.js';
import { deltaCode } from './delta-code.js';
import { regionDetections, regionScores } from './detections.js';
import { exportedNetwork } from './exported.js';
import { buildFirstStage, type FirstStage } from './first-stage.js';
import { FLAVOURS } from './flavours.js';
import { type BoxSamples, boxTerms, deltasOf, regionLabels, rpnTerms } from './losses.js';
import type { Proposals } from './proposals.js';
import { runRegions } from './run-regions.js';
import { randomRows } from './sampler.js';
import { sampleRegions } from './second-stage.js';
import { stagedBoxHead } from './staged-box-head.js';

export interface CascadeRcnnDetector extends Detector {
  readonly config: CascadeRcnnConfig;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
  readonly secondStage: SecondStage;
  /** What every stage says of the boxes that it reads, from proposals on. */
  inferenceStages(
    output: DetectorOutput,
    proposals: Pick<Proposals, 'boxes'>,
    imageSizes: ImageSizes,
  ): readonly StageOutput[];
  proposals: FirstStage['proposals'];
}

export interface StageOutput {
  /** [b, n, 4] */
  readonly boxes: tf.Tensor3D;
  readonly output: RegionOutput;
}

/** What the stages after the first need to know of a sample. */
interface Drawn {
  readonly rng: StepRng;
  readonly proposed: tf.Tensor2D;
}

/**
 * Cascade R-CNN (Cai and Vasconcelos, 2018): box heads one after the other, each trained on the refined boxes of the
 * one before it at a higher IoU, as mmdetection
 * computes them; the first stage is Faster R-CNN's. For plugins the second stage is the first of these heads, which is
 * trained on what the first stage proposes.
 */
export function createCascadeRcnn(config: CascadeRcnnConfig, context: DetectorContext): CascadeRcnnDetector {
  const { categories, seed, runOp } = context;
  const { roi, post, stages } = config;
  const stage = buildFirstStage('cascade-rcnn', config, context);
  const heads = stages.map((_, i) =>
    buildBoxHead({
      kind: 'two_mlp',
      inChannels: config.fpnChannels,
      outputSize: roi.outputSize,
      convLayers: [],
      norm: stage.norm,
      fcLayers: [config.box.representationSize, config.box.representationSize],
      logits: categories.length + 1,
      boxes: config.box.classAgnostic ? 1 : categories.length + 1,
      path: `roi_heads.${i}`,
      seed,
    }),
  );
  const variables = layerVariables([...stage.layers, ...heads.flatMap(({ layers }) => layers)]);
  const { ownTruth, levels } = FLAVOURS[config.flavour];
  const pooling = { ...roi, ...levels(config.strides.slice(0, config.returnedLayers.length)), ...(runOp && { runOp }) };
  const run = (head: BoxHead, ...[output, boxes, imageSizes, mask]: Parameters<SecondStage['run']>): RegionOutput =>
    runRegions(stage, head, output, boxes, { ...pooling, imageSizes }, mask);
  const coders = stages.map(({ boxWeights }) => deltaCode({ weights: boxWeights, clipBelow: -MAX_LOG_SIZE_RATIO }));
  let exported: ExportedNetwork | undefined;
  /** The boxes of stage i as the next one reads them. Without a class of its own a region takes its likeliest one. */
  const refined = (
    boxes: tf.Tensor3D,
    { deltas, logits }: Pick<RegionOutput, 'deltas' | 'logits'>,
    i: number,
    imageSizes: ImageSizes,
    labels?: tf.Tensor2D,
  ): tf.Tensor3D =>
    untaped(() => {
      const own = config.box.classAgnostic ? deltas : deltasOf(deltas, classes(logits, labels));
      return clipBoxes(decodeBoxes(own, boxes, coders[i]!) as tf.Tensor3D, imageSizes);
    });
  const sampling = (i: number) => ({
    high: stages[i]!.iou,
    low: stages[i]!.iou,
    batchSize: roi.batchSize,
    positiveFraction: roi.positiveFraction,
    ownTruth,
  });
  const draws = new WeakMap<Regions, Drawn>();

  /** The samples of the stages after the first, whose own are given. */
  function laterOf(
    output: DetectorOutput,
    targets: Targets,
    first: BoxSamples,
    { rng, proposed }: Drawn,
  ): RegionSamples[] {
    const later: RegionSamples[] = [];
    let mask = proposed;
    for (let i = 1; i < stages.length; i++) {
      const before = later.at(-1) ?? first;
      const labels = config.box.classAgnostic ? undefined : regionLabels(before.regions, targets);
      const boxes = refined(before.regions.boxes, before.output, i - 1, targets.imageSizes, labels);
      const regions = sampleRegions({ boxes, mask }, targets, sampling(i), randomRows, rng.stream('roi', i));
      later.push({ regions, output: run(heads[i]!, output, regions.boxes, targets.imageSizes) });
      mask = regions.proposed;
    }
    return later;
  }

  function stagesOf(
    output: DetectorOutput,
    { boxes }: Pick<Proposals, 'boxes'>,
    imageSizes: ImageSizes,
  ): StageOutput[] {
    const all: StageOutput[] = [];
    heads.forEach((head, i) => {
      const before = all.at(-1);
      const own = before ? refined(before.boxes, before.output, i - 1, imageSizes) : boxes;
      all.push({ boxes: own, output: run(head, output, own, imageSizes) });
    });
    return all;
  }

  function drawnOf(regions: Regions | undefined): Drawn {
    const drawn = regions && draws.get(regions);
    if (drawn) return drawn;
    throw new KdError(
      'USAGE',
      'cascade-rcnn: `terms` needs the regions that `secondStage.sample` of this detector returned, the object itself: the later stages go on from its samples.',
    );
  }
  const detecting = detectInParts({
    compute: (output, { imageSizes, paddedSize }) => {
      const proposals = stage.proposals(output, stage.priors(output, paddedSize), imageSizes, 'test');
      const stages = stagesOf(output, proposals, imageSizes);
      const last = stages.at(-1)!;
      const probabilities = tf.softmax(
        tf.div(tf.addN(stages.map((one) => one.output.logits)), stages.length),
      ) as tf.Tensor3D;
      const { mask } = proposals;
      return regionScores({ boxes: last.boxes, mask, probabilities, deltas: last.output.deltas }, coders.at(-1)!);
    },
    select: (tensors, sizes) => regionDetections(tensors, sizes, { post }),
  });

  return {
    name: 'cascade-rcnn',
    config,
    backbone: stage.backbone,
    capabilities: new Set(['roi.align', 'anchors', 'head.staged']),
    categories,
    input: { ...config.input, minSize: [config.input.minSize].flat() },
    taps: stage.taps,
    variables,
    forward: (images, options) => stage.forward(images, options),
    priors: (output, paddedSize) => stage.priors(output, paddedSize),
    decode: (codes, priors) => stage.decode(codes, priors),
    assign: (priors, targets) => stage.assign(priors, targets),
    proposals: (...of) => stage.proposals(...of),
    inferenceStages: stagesOf,
    firstStage: stage.dense,
    secondStage: {
      background: 0,
      head: stagedBoxHead(heads, {
        detector: 'cascade-rcnn',
        stages: stages.map(({ weight }) => ({ weight })),
        pooled: [roi.outputSize, roi.outputSize, config.fpnChannels],
        ...(runOp && { runOp }),
      }),
      sample(output, priors, assignment, targets, rng) {
        const { proposed, ...own } = sampleRegions(
          stage.proposals(output, priors, targets.imageSizes, 'train'),
          targets,
          sampling(0),
          randomRows,
          rng.stream('roi'),
        );
        const regions: Regions = {
          ...own,
          sampledPriors: stage.samplePriors(assignment, randomRows, rng.stream('rpn')),
        };
        draws.set(regions, { rng, proposed });
        return regions;
      },
      run: (...of) => run(heads[0]!, ...of),
      later: (output, targets, first) => laterOf(output, targets, first, drawnOf(first.regions)),
    },
    terms(output, priors, assignment, targets, second) {
      const drawn = drawnOf(second?.regions);
      const terms: Record<string, tf.Scalar> = {};
      const later = second!.later ?? laterOf(output, targets, second!, drawn);
      [second!, ...later].forEach((samples, i) => {
        const { boxWeights, weight } = stages[i]!;
        const { loss_classifier: classifier, loss_box_reg: boxes } = boxTerms(samples, targets, {
          boxWeights,
          beta: roi.beta,
          weights: { classification: config.lossWeights.classification * weight, box: config.lossWeights.box * weight },
        });
        terms[`loss_classifier_${i + 1}`] = classifier;
        terms[`loss_box_reg_${i + 1}`] = boxes;
      });
      return { ...terms, ...rpnTerms(output, priors, assignment, targets, second!.regions.sampledPriors, config) };
    },
    ...detecting,
    exported: () =>
      (exported ??= exportedNetwork({
        stage,
        heads,
        codes: coders,
        classAgnostic: config.box.classAgnostic,
        classes: categories.length,
        pooling,
        post,
      })),
    dispose() {
      for (const { variable } of variables) variable.dispose();
    },
  };
}

/** [b, n] int32, counted from 1: the classes `labels` say, and the likeliest one of what is background to them. */
const classes = (logits: tf.Tensor3D, labels?: tf.Tensor2D): tf.Tensor => {
  const [b, n, columns] = logits.shape;
  const likeliest = tf.add(tf.argMax(tf.slice(logits, [0, 0, 1], [b, n, columns - 1]), 2), tf.scalar(1, 'int32'));
  return labels ? tf.where(tf.greater(labels, tf.scalar(0, 'int32')), labels, likeliest) : likeliest;
};
