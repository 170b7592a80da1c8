import type { DetectorContext } from '@kd/core';
import { anchorCells, createDenseDetector, type DenseDetector } from '@kd/vision';
import { gridOf } from './anchors.js';
import { assignAtss } from './assigner.js';
import { gflTerms } from './gfl-losses.js';
import { gflBranches } from './head.js';
import type { GflConfig } from './options.js';

export type GflDetector = DenseDetector<GflConfig>;

/** GFL (Li et al., Generalized Focal Loss, 2020) as mmdetection computes it. */
export function createGfl(config: GflConfig, context: DetectorContext): GflDetector {
  const classes = context.categories.length;
  const bins = config.regMax + 1;
  return createDenseDetector(config, context, {
    name: 'gfl',
    capabilities: ['anchors'],
    head: { ...config.head, branches: gflBranches(classes, config.regMax) },
    dense: {
      boxes: 'distribution',
      bins,
      priorsPerCell: 1,
      coding: { strides: config.strides, regMax: config.regMax },
    },
    flavour: 'mmdet',
    priors: anchorCells(gridOf(config)),
    decode: { code: 'distribution', bins },
    assign: (priors, targets) =>
      assignAtss(priors, targets, { topk: config.assigner.topk, sizeDivisible: config.input.sizeDivisible }),
    terms: (output, priors, assignment, targets) =>
      gflTerms(output, priors, assignment, targets, { classes, bins, weights: config.lossWeights }),
  });
}
