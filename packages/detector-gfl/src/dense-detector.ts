import type { Assignment, DenseInfo, Detector, DetectorContext, DetectorOutput, Priors, Targets } from '@kd/core';
import { anchorGrid, buildDenseNetwork, type DenseBranch, layerVariables } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { assignAtss } from './assigner.js';
import { detections } from './detections.js';
import type { SharedConfig } from './options.js';

/** What the two detectors differ in. */
export interface DenseParts {
  readonly name: string;
  readonly branches: Readonly<Record<string, DenseBranch>>;
  readonly dense: DenseInfo;
  readonly decode: (codes: tf.Tensor3D, priors: Priors) => tf.Tensor3D;
  /** Predicted and assigned where given. */
  readonly centerness?: (priors: Priors, targets: Targets, matched: tf.Tensor2D) => tf.Tensor2D;
  readonly terms: Detector['terms'];
}

export interface DenseDetector<Config> extends Detector {
  readonly config: Config;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
}

/** A one-stage detector with one square anchor a cell, assigned as ATSS does. */
export function createDense<Config extends SharedConfig>(config: Config, context: DetectorContext, parts: DenseParts): DenseDetector<Config> {
  const classes = context.categories.length;
  const network = buildDenseNetwork({
    detector: parts.name,
    backbone: { ...config.backbone, norm: { kind: config.norm, epsilon: config.frozenBnEps }, trainableLayers: config.trainableLayers },
    returnedLayers: config.returnedLayers,
    fpn: { channels: config.fpnChannels, extra: config.extra, reluBeforeP7: config.reluBeforeP7 },
    head: { ...config.head, branches: parts.branches, strides: config.strides },
    seed: context.seed,
    ...(context.runOp && { runOp: context.runOp }),
  });
  const variables = layerVariables(network.layers);
  const grids = new Map<string, Priors>();
  const priors = (output: Pick<DetectorOutput, 'levels'>, paddedSize: readonly [number, number]): Priors => {
    const levels = output.levels.map(({ shape }) => [shape[1], shape[2]] as const);
    const key = JSON.stringify(levels);
    let grid = grids.get(key);
    if (!grid) {
      grid = anchorGrid(levels, paddedSize, gridOf(config));
      tf.keep(grid.boxes);
      grids.set(key, grid);
    }
    return grid;
  };

  return {
    name: parts.name,
    config,
    backbone: network.backbone,
    capabilities: new Set(['dense', 'anchors', 'head.staged']),
    categories: context.categories,
    input: { ...config.input, minSize: [config.input.minSize].flat() },
    taps: network.taps,
    variables,
    head: network.head,
    dense: parts.dense,
    forward: (images, options) => network.forward(images, options),
    priors,
    decode: parts.decode,
    assign: (grid, targets): Assignment => {
      const assigned = assignAtss(grid, targets, { topk: config.assigner.topk, sizeDivisible: config.input.sizeDivisible });
      return parts.centerness ? { ...assigned, centerness: parts.centerness(grid, targets, assigned.matched) } : assigned;
    },
    terms: parts.terms,
    detect: (output, sizes) =>
      detections(output, priors(output, [sizes.shape[1], sizes.shape[2]]), sizes, { classes, codes: 4 * (parts.dense.bins ?? 1), decode: parts.decode, post: config.post }),
    dispose() {
      for (const { variable } of variables) variable.dispose();
      for (const { boxes } of grids.values()) boxes.dispose();
      grids.clear();
    },
  };
}

/** One anchor a cell, centred on its upper left corner, `anchorScale` strides long. */
export const gridOf = ({ strides, anchorScale }: Pick<SharedConfig, 'strides' | 'anchorScale'>): Parameters<typeof anchorGrid>[2] => ({
  sizes: strides.map((stride) => [stride * anchorScale]),
  ratios: strides.map(() => [1]),
  round: false,
  strides: strides.map((stride) => [stride, stride] as const),
});
