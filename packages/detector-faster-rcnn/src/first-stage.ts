import type {
  Assignment,
  DenseStage,
  Detector,
  DetectorContext,
  DetectorOutput,
  ExportedNetwork,
  ExportedRegions,
  ImageSizes,
  Predictions,
  Priors,
  StepRng,
  Targets,
  TwoStageDetections,
} from '@kd/core';
import {
  anchorCells,
  buildPyramidNetwork,
  checkTaps,
  decoderOf,
  type Layer,
  type NormOptions,
  priorLayer,
  type PyramidNetwork,
  type RunContext,
} from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { deltaCode } from './delta-code.js';
import { FLAVOURS } from './flavours.js';
import type { FirstStageConfig } from './options.js';
import { type Proposals, proposalsOf } from './proposals.js';
import { buildRpnHead } from './rpn-head.js';
import type { SampleRows } from './sampler.js';

/** Backbone, pyramid and region proposal network. */
export interface FirstStage extends Pick<Detector, 'forward' | 'priors' | 'decode' | 'assign' | 'taps'> {
  readonly layers: readonly Layer[];
  readonly backbone: PyramidNetwork['backbone'];
  readonly norm: NormOptions;
  /** The region proposal network for plugins. */
  readonly dense: DenseStage;
  /** The levels that regions are pooled from: all but the ones above the backbone's last stage. */
  pooledLevels(output: DetectorOutput): readonly tf.Tensor4D[];
  /**
   * What a head of the second stage is called with on this output: the running statistics of its first call are kept,
   * as one step has one update.
   */
  contextOf(output: DetectorOutput, head: object): RunContext;
  proposals(output: DetectorOutput, priors: Priors, imageSizes: ImageSizes, mode: 'train' | 'test'): Proposals;
  /** For other programs: the network up to its maps and the levels that regions are pooled from. */
  exported(): Pick<ExportedNetwork, 'images' | 'strides' | 'maps'> &
    Pick<ExportedRegions, 'levels'> &
    Pick<TwoStageDetections, 'proposals'>;
  /** [b, a] float32: 1 for the anchors that the first stage trains on */
  samplePriors(assignment: Assignment, sampleRows: SampleRows, rng: StepRng): tf.Tensor2D;
}

export function buildFirstStage(
  name: string,
  config: FirstStageConfig,
  { seed, runOp }: Pick<DetectorContext, 'seed' | 'runOp'>,
): FirstStage {
  const rules = FLAVOURS[config.flavour];
  const norm = { kind: config.norm, epsilon: config.frozenBnEps };
  const pyramid = buildPyramidNetwork({
    backbone: config.backbone,
    norm,
    trainableLayers: config.trainableLayers,
    returnedLayers: config.returnedLayers,
    fpn: { channels: config.fpnChannels, extra: config.extra, ...(config.fpnNorm && { norm }) },
    seed,
  });
  const anchorsPerCell = config.anchors.sizes[0]!.length * config.anchors.ratios[0]!.length;
  const native = runOp ? { runOp } : {};
  const head = buildRpnHead({
    channels: config.fpnChannels,
    depth: config.rpn.depth,
    anchors: anchorsPerCell,
    levels: config.strides.length,
    seed,
    ...native,
  });
  const anchors = { ...config.anchors, ...rules.grid(config.strides) };
  const cells = anchorCells(anchors);
  const code = deltaCode(rules.coder);
  const lay = priorLayer(cells);
  const contexts = new WeakMap<DetectorOutput, { readonly context: RunContext; readonly seen: WeakSet<object> }>();

  return {
    norm,
    dense: {
      head: head.staged,
      dense: {
        boxes: 'delta',
        priorsPerCell: anchorsPerCell,
        coding: { strides: config.strides, anchors, coder: rules.coder },
      },
    },
    taps: pyramid.taps,
    layers: [...pyramid.layers, ...head.layers],
    backbone: pyramid.backbone,
    forward(images, { training, taps: wanted = [], lazy = false }) {
      checkTaps(name, wanted, pyramid.taps);
      const context: RunContext = { training, updates: [], ...native };
      const { levels, taps } = pyramid.run(images, wanted, context);
      const runHead = (): Predictions => {
        const maps = levels.map((level) => head.run(level, context));
        return { cls: maps.map(({ cls }) => cls), reg: maps.map(({ reg }) => reg) };
      };
      let predictions = lazy && !training ? undefined : runHead();
      const output: DetectorOutput = {
        taps,
        levels,
        get predictions() {
          return (predictions ??= runHead());
        },
        updates: context.updates,
      };
      contexts.set(output, { context, seen: new WeakSet() });
      return output;
    },
    priors: (output, paddedSize) =>
      lay(
        output.levels.map(({ shape }) => [shape[1], shape[2]] as const),
        paddedSize,
      ),
    decode: decoderOf(code),
    assign: (priors, targets: Targets) =>
      tf.tidy(() => {
        const matched = rules.assign(priors.boxes, targets, config);
        return {
          matched,
          positives: tf.sum(tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32'), 1) as tf.Tensor1D,
        };
      }),
    pooledLevels: ({ levels }) => levels.slice(0, config.returnedLayers.length),
    contextOf(output, second) {
      const own = contexts.get(output);
      if (own === undefined) return { training: false, updates: [], ...native };
      if (own.seen.has(second)) return { ...own.context, updates: [] };
      own.seen.add(second);
      return own.context;
    },
    proposals: (output, priors, imageSizes, mode) =>
      proposalsOf(output.predictions, priors, {
        rpn: config.rpn,
        flavour: config.flavour,
        mode,
        imageSizes,
        ...native,
      }),
    exported() {
      const { inputs, outputs } = pyramid.backbone;
      const maps = outputs.map((level) => head.symbolic(level));
      const { nmsThresh, scoreThresh, minSize, preNmsTopN, postNmsTopN } = config.rpn;
      return {
        images: inputs[0]!,
        strides: config.strides,
        maps: { cls: maps.map(({ cls }) => cls), reg: maps.map(({ reg }) => reg) },
        levels: outputs.slice(0, config.returnedLayers.length),
        proposals: {
          maps: { cls: 'cls', reg: 'reg' },
          priorsPerCell: anchorsPerCell,
          priors: cells,
          boxes: code,
          minSize,
          minSizeInclusive: rules.minSizeInclusive,
          scoreThresh,
          nmsThresh,
          preNmsTopN: preNmsTopN.test,
          postNmsTopN: postNmsTopN.test,
        },
      };
    },
    samplePriors: ({ matched }, sampleRows, rng) =>
      tf.tidy(() =>
        sampleRows(
          'rpn',
          {
            positive: tf.greaterEqual(matched, tf.scalar(0, 'int32')),
            negative: tf.equal(matched, tf.scalar(-1, 'int32')),
          },
          config.rpn,
          rng,
        ),
      ),
  };
}
