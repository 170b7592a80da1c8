import type { DetectorContext } from '@kd/core';
import { createDense, type DenseDetector } from './dense-detector.js';
import { decodeDistributions } from './gfl-coder.js';
import { gflTerms } from './gfl-losses.js';
import { gflBranches } from './head.js';
import type { GflConfig } from './options.js';

export type GflDetector = DenseDetector<GflConfig>;

/** GFL (Li et al., Generalized Focal Loss, 2020) as mmdetection computes it. */
export function createGfl(config: GflConfig, context: DetectorContext): GflDetector {
  const classes = context.categories.length;
  const bins = config.regMax + 1;
  return createDense(config, context, {
    name: 'gfl',
    branches: gflBranches(classes, config.regMax),
    dense: { boxes: 'distribution', bins, priorsPerCell: 1, coding: { strides: config.strides, regMax: config.regMax } },
    decode: (codes, priors) => decodeDistributions(codes, priors, bins),
    terms: (output, priors, assignment, targets) => gflTerms(output, priors, assignment, targets, { classes, bins, weights: config.lossWeights }),
  });
}
