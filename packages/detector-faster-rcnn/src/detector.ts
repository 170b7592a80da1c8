import {
  type Detector,
  type DetectorContext,
  type DetectorOutput,
  detectInParts,
  type ExportedNetwork,
  type ImageSizes,
  type Priors,
  type SecondStage,
} from '@kd/core';
import { layerVariables } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { buildBoxHead } from './box-head.js';
import { deltaCode } from './delta-code.js';
import { regionDetections, regionScores } from './detections.js';
import { exportedNetwork } from './exported.js';
import { buildFirstStage } from './first-stage.js';
import { FLAVOURS } from './flavours.js';
import { boxTerms, rpnTerms } from './losses.js';
import type { FasterRcnnConfig } from './options.js';
import type { Proposals } from './proposals.js';
import { randomRows, type SampleRows } from './sampler.js';
import { runRegions } from './run-regions.js';
import { sampleRegions } from './second-stage.js';
import { stagedBoxHead } from './staged-box-head.js';

export interface FasterRcnnDetector extends Detector {
  readonly config: FasterRcnnConfig;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
  readonly secondStage: SecondStage;
  proposals(output: DetectorOutput, priors: Priors, imageSizes: ImageSizes, mode: 'train' | 'test'): Proposals;
}

export interface FasterRcnnParts {
  /** How both stages draw what they train on; the default is uniform. */
  readonly sampleRows?: SampleRows;
}

/** Faster R-CNN (Ren et al., 2015) with a feature pyramid (Lin et al., 2017) as torchvision or mmdetection has it. */
export function createFasterRcnn(
  config: FasterRcnnConfig,
  context: DetectorContext,
  { sampleRows = randomRows }: FasterRcnnParts = {},
): FasterRcnnDetector {
  const { categories, seed, runOp } = context;
  const { roi, post } = config;
  const stage = buildFirstStage('faster-rcnn', config, context);
  const { coder, minSide, ownTruth, levels } = FLAVOURS[config.flavour];
  const logits = categories.length + 1;
  const head = buildBoxHead({
    kind: config.box.head,
    inChannels: config.fpnChannels,
    outputSize: roi.outputSize,
    convLayers: config.box.widths.conv,
    norm: stage.norm,
    fcLayers: config.box.widths.fc,
    logits,
    boxes: config.box.classAgnostic ? 1 : logits,
    seed,
  });
  const variables = layerVariables([...stage.layers, ...head.layers]);
  const pooling = { ...roi, ...levels(config.strides.slice(0, config.returnedLayers.length)), ...(runOp && { runOp }) };
  const code = deltaCode({ weights: roi.boxWeights, ...coder });
  let exported: ExportedNetwork | undefined;
  const run: SecondStage['run'] = (output, boxes, imageSizes, mask) =>
    runRegions(stage, head, output, boxes, { ...pooling, imageSizes }, mask);
  const detecting = detectInParts({
    compute: (output, { imageSizes, paddedSize }) => {
      const proposals = stage.proposals(output, stage.priors(output, paddedSize), imageSizes, 'test');
      const { logits: classes, deltas } = run(output, proposals.boxes, imageSizes);
      return regionScores({ ...proposals, deltas, probabilities: tf.softmax(classes) }, code);
    },
    select: (tensors, sizes) =>
      regionDetections(tensors, sizes, {
        post,
        ...(minSide !== undefined && { minSide }),
      }),
  });

  return {
    name: 'faster-rcnn',
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
    proposals: (output, priors, imageSizes, mode) => stage.proposals(output, priors, imageSizes, mode),
    firstStage: stage.dense,
    secondStage: {
      background: 0,
      head: stagedBoxHead([head], {
        detector: 'faster-rcnn',
        stages: [{ weight: 1 }],
        pooled: [roi.outputSize, roi.outputSize, config.fpnChannels],
        ...(runOp && { runOp }),
      }),
      sample(output, priors, assignment, targets, rng) {
        const { proposed, ...regions } = sampleRegions(
          stage.proposals(output, priors, targets.imageSizes, 'train'),
          targets,
          { ...roi, ownTruth },
          sampleRows,
          rng.stream('roi'),
        );
        proposed.dispose();
        return { ...regions, sampledPriors: stage.samplePriors(assignment, sampleRows, rng.stream('rpn')) };
      },
      run,
    },
    terms: (output, priors, assignment, targets, second) => ({
      ...boxTerms(second!, targets, { ...roi, weights: config.lossWeights }),
      ...rpnTerms(output, priors, assignment, targets, second!.regions.sampledPriors, config),
    }),
    ...detecting,
    exported: () =>
      (exported ??= exportedNetwork({
        stage,
        heads: [head],
        codes: [code],
        classAgnostic: config.box.classAgnostic,
        classes: categories.length,
        pooling,
        post,
        minSide,
      })),
    dispose() {
      for (const { variable } of variables) variable.dispose();
    },
  };
}
