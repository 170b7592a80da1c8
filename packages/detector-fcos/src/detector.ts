import { type Assignment, type BoxCode, type DetectorContext, KdError } from '@kd/core';
import { createDenseDetector, decoderOf, type DenseDetector } from '@kd/vision';
import type * as tf from '@tensorflow/tfjs-core';
import { assignFcos } from './assign.js';
import { fcosBranches } from './head.js';
import { fcosTerms } from './losses.js';
import type { FcosConfig } from './options.js';
import { pointCells } from './points.js';

export type FcosDetector = DenseDetector<FcosConfig>;

/** FCOS (Tian et al., 2019) as torchvision or mmdetection computes it. */
export function createFcos(config: FcosConfig, context: DetectorContext): FcosDetector {
  const classes = context.categories.length;
  const {
    flavour,
    boxLoss,
    lossWeights,
    sizes,
    strides,
    head: { centerness, normOnBbox, ...head },
  } = config;
  const distances: BoxCode = { code: 'distance', unit: flavour === 'torchvision' ? 'size' : 'pixels' };
  return createDenseDetector(config, context, {
    name: 'fcos',
    head: { ...head, branches: fcosBranches({ classes, flavour, centerness, normOnBbox }) },
    dense: { boxes: 'distance', priorsPerCell: 1, coding: { flavour, sizes, strides } },
    flavour,
    priors: pointCells(config),
    decode: distances,
    assign: (grid, targets) => assignFcos(grid, targets, config),
    terms: (output, grid, assignment, targets) =>
      fcosTerms(output, grid, withCenterness(assignment), targets, {
        classes,
        flavour,
        boxLoss,
        lossWeights,
        strides,
        normOnBbox,
        decode: decoderOf(distances),
      }),
  });
}

function withCenterness(assignment: Assignment): Assignment & { readonly centerness: tf.Tensor2D } {
  if (assignment.centerness) return { ...assignment, centerness: assignment.centerness };
  throw new KdError(
    'USAGE',
    'fcos: the assignment has no centerness targets; use the one that `assign` of this detector gives.',
  );
}
