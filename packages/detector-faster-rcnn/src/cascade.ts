import {
  KdError,
  type Detector,
  type DetectorContext,
  type DetectorOutput,
  type HostBatch,
  type RegionOutput,
  type Regions,
  type Rng,
  type SecondStage,
  type Targets,
  untaped,
} from '@kd/core';
import { type BoxCoderOptions, clipBoxes, decodeBoxes, layerVariables, MAX_LOG_SIZE_RATIO } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type BoxHead, buildBoxHead } from './box-head.js';
import type { CascadeRcnnConfig } from './cascade-options.js';
import { regionDetections } from './detections.js';
import { buildFirstStage } from './first-stage.js';
import { type BoxSamples, boxTerms, rpnTerms } from './losses.js';
import type { Proposals } from './proposals.js';
import { runRegions } from './run-regions.js';
import { randomRows } from './sampler.js';
import { sampleRegions } from './second-stage.js';

export interface CascadeRcnnDetector extends Detector {
  readonly config: CascadeRcnnConfig;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
  readonly secondStage: SecondStage;
}

/** What the stages after the first need to know of a sample. */
interface Drawn {
  readonly rng: Rng;
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
      boxes: 1,
      path: `roi_heads.${i}`,
      seed,
    }),
  );
  const variables = layerVariables([...stage.layers, ...heads.flatMap(({ layers }) => layers)]);
  const run = (head: BoxHead, ...[output, boxes, imageSizes, mask]: Parameters<SecondStage['run']>): RegionOutput =>
    runRegions(stage, head, output, boxes, { ...roi, imageSizes, ...(runOp && { runOp }) }, mask);
  const coders = stages.map(
    ({ boxWeights }): BoxCoderOptions => ({ weights: boxWeights, clipBelow: -MAX_LOG_SIZE_RATIO }),
  );
  const refined = (
    boxes: tf.Tensor3D,
    deltas: tf.Tensor3D,
    i: number,
    imageSizes: HostBatch['imageSizes'],
  ): tf.Tensor3D => untaped(() => clipBoxes(decodeBoxes(deltas, boxes, coders[i]!) as tf.Tensor3D, imageSizes));
  const sampling = (i: number) => ({
    high: stages[i]!.iou,
    low: stages[i]!.iou,
    batchSize: roi.batchSize,
    positiveFraction: roi.positiveFraction,
  });
  const draws = new WeakMap<Regions, Drawn>();

  /** The samples of every stage: those of the first are given. */
  function samplesOf(
    output: DetectorOutput,
    targets: Targets,
    first: BoxSamples,
    { rng, proposed }: Drawn,
  ): BoxSamples[] {
    const all = [first];
    let mask = proposed;
    for (let i = 1; i < stages.length; i++) {
      const before = all[i - 1]!;
      const boxes = refined(before.regions.boxes, before.output.deltas, i - 1, targets.imageSizes);
      const regions = sampleRegions({ boxes, mask }, targets, sampling(i), randomRows, rng.stream('roi', i));
      all.push({ regions, output: run(heads[i]!, output, regions.boxes, targets.imageSizes) });
      mask = regions.proposed;
    }
    return all;
  }

  return {
    name: 'cascade-rcnn',
    config,
    backbone: stage.backbone,
    capabilities: new Set(['roi.align', 'anchors']),
    categories,
    input: { ...config.input, minSize: [config.input.minSize].flat() },
    taps: stage.taps,
    variables,
    forward: (images, options) => stage.forward(images, options),
    priors: (output, paddedSize) => stage.priors(output, paddedSize),
    decode: (codes, priors) => stage.decode(codes, priors),
    assign: (priors, targets) => stage.assign(priors, targets),
    secondStage: {
      background: 0,
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
    },
    terms(output, priors, assignment, targets, second) {
      const drawn = second && draws.get(second.regions);
      if (!drawn)
        throw new KdError(
          'USAGE',
          'cascade-rcnn: `terms` needs the regions that `secondStage.sample` of this detector returned, the object itself: the later stages go on from its samples.',
        );
      const terms: Record<string, tf.Scalar> = {};
      samplesOf(output, targets, second, drawn).forEach((samples, i) => {
        const { boxWeights, weight } = stages[i]!;
        const { loss_classifier: classifier, loss_box_reg: boxes } = boxTerms(samples, targets, {
          boxWeights,
          beta: roi.beta,
        });
        terms[`loss_classifier_${i + 1}`] = tf.mul(classifier, weight);
        terms[`loss_box_reg_${i + 1}`] = tf.mul(boxes, weight);
      });
      return { ...terms, ...rpnTerms(output, priors, assignment, targets, second.regions.sampledPriors) };
    },
    async detect(output, sizes) {
      const made = tf.tidy(() => {
        const proposals = stage.proposals(
          output,
          stage.priors(output, [sizes.shape[1], sizes.shape[2]]),
          sizes.imageSizes,
          'test',
        );
        return {
          ...cascade(
            proposals,
            (i, boxes) => run(heads[i]!, output, boxes, sizes.imageSizes),
            (boxes, deltas, i) => refined(boxes, deltas, i, sizes.imageSizes),
          ),
          mask: proposals.mask,
        };
      });
      try {
        return await regionDetections(made, made, sizes, { post, coder: coders.at(-1)! });
      } finally {
        tf.dispose(made as tf.TensorContainer);
      }
    },
    dispose() {
      for (const { variable } of variables) variable.dispose();
      stage.dispose();
    },
  };

  /**
   * The boxes that the last stage reads, what it makes of them, and the probabilities of the mean logits of all stages.
   */
  function cascade(
    proposals: Proposals,
    runStage: (stage: number, boxes: tf.Tensor3D) => RegionOutput,
    refine: (boxes: tf.Tensor3D, deltas: tf.Tensor3D, stage: number) => tf.Tensor3D,
  ): { boxes: tf.Tensor3D; deltas: tf.Tensor3D; probabilities: tf.Tensor3D } {
    let { boxes } = proposals;
    let deltas: tf.Tensor3D | undefined;
    const logits = heads.map((_, i) => {
      if (deltas) boxes = refine(boxes, deltas, i - 1);
      const result = runStage(i, boxes);
      deltas = result.deltas;
      return result.logits;
    });
    return { boxes, deltas: deltas!, probabilities: tf.softmax(tf.div(tf.addN(logits), logits.length)) };
  }
}
