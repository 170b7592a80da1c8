import type { DetectorContext } from '@kd/core';
import { anchorCells, createDenseDetector, type DenseDetector } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { FLAVOURS } from './flavours.js';
import { retinaBranches } from './head.js';
import { retinaTerms } from './losses.js';
import type { RetinaNetConfig } from './options.js';

export type RetinaNetDetector = DenseDetector<RetinaNetConfig>;

/** RetinaNet (Lin et al., 2017) as torchvision or mmdetection computes it. */
export function createRetinaNet(config: RetinaNetConfig, context: DetectorContext): RetinaNetDetector {
  const classes = context.categories.length;
  const { grid: layout, coder, assign } = FLAVOURS[config.flavour];
  const anchors = { ...config.anchors, ...layout(config.strides) };
  const priorsPerCell = config.anchors.sizes[0]!.length * config.anchors.ratios[0]!.length;
  return createDenseDetector(config, context, {
    name: 'retinanet',
    capabilities: ['anchors'],
    head: { ...config.head, branches: retinaBranches(priorsPerCell, classes) },
    dense: { boxes: 'delta', priorsPerCell, coding: { strides: config.strides, anchors, coder } },
    flavour: config.flavour,
    priors: anchorCells(anchors),
    decode: { code: 'delta', ...coder },
    assign: (grid, targets) =>
      tf.tidy(() => {
        const matched = assign(grid, targets, config);
        return {
          matched,
          positives: tf.sum(tf.cast(tf.greaterEqual(matched, tf.scalar(0, 'int32')), 'float32'), 1) as tf.Tensor1D,
        };
      }),
    terms: (output, grid, assignment, targets) =>
      retinaTerms(output, grid, assignment, targets, { classes, ...config }),
  });
}
