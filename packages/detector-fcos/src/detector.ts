import { type Assignment, type Detector, type DetectorContext, type DetectorOutput, KdError, type Priors } from '@kd/core';
import { decodeDistances, denseDetections, flattenLevels, layerVariables } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { assignFcos } from './assign.js';
import { fcosTerms } from './losses.js';
import { buildNetwork } from './network.js';
import type { FcosConfig } from './options.js';
import { pointGrid } from './points.js';

export interface FcosDetector extends Detector {
  readonly config: FcosConfig;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
}

/** FCOS (Tian et al., 2019) as torchvision or mmdetection computes it. */
export function createFcos(config: FcosConfig, context: DetectorContext): FcosDetector {
  const classes = context.categories.length;
  const network = buildNetwork(config, { classes, seed: context.seed, ...(context.runOp && { runOp: context.runOp }) });
  const variables = layerVariables(network.layers);
  const grids = new Map<string, Priors>();
  const priors = (output: Pick<DetectorOutput, 'levels'>, paddedSize: readonly [number, number]): Priors => {
    const levels = output.levels.map(({ shape }) => [shape[1], shape[2]] as const);
    const key = JSON.stringify([levels, paddedSize]);
    let grid = grids.get(key);
    if (!grid) {
      grid = pointGrid(levels, paddedSize, config);
      tf.keep(grid.boxes);
      grids.set(key, grid);
    }
    return grid;
  };
  const decode: Detector['decode'] = (codes, { boxes }) =>
    decodeDistances(codes, boxes, { normalizeBySize: config.flavour === 'torchvision' }) as tf.Tensor3D;
  const { flavour, boxLoss, sizes, strides, head: { normOnBbox } } = config;

  return {
    name: 'fcos',
    config,
    backbone: network.backbone,
    capabilities: new Set(['dense', 'head.staged']),
    categories: context.categories,
    input: { ...config.input, minSize: [config.input.minSize].flat() },
    taps: network.taps,
    variables,
    head: network.head,
    dense: { boxes: 'distance', priorsPerCell: 1, coding: { flavour, sizes, strides } },
    forward: (images, options) => network.forward(images, options),
    priors,
    decode,
    assign: (grid, targets) => assignFcos(grid, targets, config),
    terms: (output, grid, assignment, targets) => fcosTerms(output, grid, withCenterness(assignment), targets, { classes, flavour, boxLoss, strides, normOnBbox, decode }),
    async detect(output, batch) {
      const boxes = tf.tidy(() => decode(flattenLevels(output.predictions['reg']!, 4), priors(output, [batch.shape[1], batch.shape[2]])));
      try {
        return await denseDetections({ cls: output.predictions['cls']!, boxes, quality: output.predictions['centerness']! }, batch, { flavour, classes, ...config.post });
      } finally {
        boxes.dispose();
      }
    },
    dispose() {
      for (const { variable } of variables) variable.dispose();
      for (const { boxes } of grids.values()) boxes.dispose();
      grids.clear();
    },
  };
}

function withCenterness(assignment: Assignment): Assignment & { readonly centerness: tf.Tensor2D } {
  if (assignment.centerness) return { ...assignment, centerness: assignment.centerness };
  throw new KdError('USAGE', 'fcos: the assignment has no centerness targets; use the one that `assign` of this detector gives.');
}
