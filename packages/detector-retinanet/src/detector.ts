import type { Detector, DetectorContext, DetectorOutput, Priors } from '@kd/core';
import { anchorGrid, decodeBoxes, denseDetections, flattenLevels, layerVariables } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { FLAVOURS } from './flavours.js';
import { retinaTerms } from './losses.js';
import { buildNetwork } from './network.js';
import type { RetinaNetConfig } from './options.js';

export interface RetinaNetDetector extends Detector {
  readonly config: RetinaNetConfig;
  /** Backbone and neck as a functional model: images to levels. */
  readonly backbone: LayersModel;
}

/** RetinaNet (Lin et al., 2017) as torchvision or mmdetection computes it. */
export function createRetinaNet(config: RetinaNetConfig, context: DetectorContext): RetinaNetDetector {
  const classes = context.categories.length;
  const network = buildNetwork(config, { classes, seed: context.seed, ...(context.runOp && { runOp: context.runOp }) });
  const variables = layerVariables(network.layers);
  const { grid: layout, coder, assign } = FLAVOURS[config.flavour];
  const anchors = { ...config.anchors, ...layout(config.strides) };
  const grids = new Map<string, Priors>();
  const priors = (output: Pick<DetectorOutput, 'levels'>, paddedSize: readonly [number, number]): Priors => {
    const levels = output.levels.map(({ shape }) => [shape[1], shape[2]] as const);
    const key = JSON.stringify([levels, paddedSize]);
    let grid = grids.get(key);
    if (!grid) {
      grid = anchorGrid(levels, paddedSize, anchors);
      tf.keep(grid.boxes);
      grids.set(key, grid);
    }
    return grid;
  };
  const decode: Detector['decode'] = (codes, { boxes }) => decodeBoxes(codes, tf.expandDims(boxes, 0), coder) as tf.Tensor3D;

  return {
    name: 'retinanet',
    config,
    backbone: network.backbone,
    capabilities: new Set(['dense', 'anchors', 'head.staged']),
    categories: context.categories,
    input: { ...config.input, minSize: [config.input.minSize].flat() },
    taps: network.taps,
    variables,
    head: network.head,
    dense: { boxes: 'delta', priorsPerCell: config.anchors.sizes[0]!.length * config.anchors.ratios[0]!.length, coding: { strides: config.strides, anchors, coder } },
    forward: (images, options) => network.forward(images, options),
    priors,
    decode,
    assign: (grid, targets) =>
      tf.tidy(() => {
        const matched = assign(grid, targets, config);
        return { matched, positives: tf.sum(tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32'), 1) as tf.Tensor1D };
      }),
    terms: (output, grid, assignment, targets) => retinaTerms(output, grid, assignment, targets, { classes, ...config }),
    async detect(output, sizes) {
      const boxes = tf.tidy(() => decode(flattenLevels(output.predictions['reg']!, 4), priors(output, [sizes.shape[1], sizes.shape[2]])));
      try {
        return await denseDetections({ cls: output.predictions['cls']!, boxes }, sizes, { flavour: config.flavour, classes, ...config.post });
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
