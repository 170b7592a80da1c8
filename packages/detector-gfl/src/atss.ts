import type { DetectorContext } from '@kd/core';
import { DELTA_STDS, decodeDeltas } from './atss-coder.js';
import { atssTerms } from './atss-losses.js';
import { centernessTargets } from './centerness.js';
import { createDense, type DenseDetector } from './dense-detector.js';
import { atssBranches } from './head.js';
import type { AtssConfig } from './options.js';

export type AtssDetector = DenseDetector<AtssConfig>;

/** ATSS (Zhang et al., 2020) as mmdetection computes it. */
export function createAtss(config: AtssConfig, context: DetectorContext): AtssDetector {
  const classes = context.categories.length;
  return createDense(config, context, {
    name: 'atss',
    branches: atssBranches(classes),
    dense: { boxes: 'delta', priorsPerCell: 1, coding: { anchorScale: config.anchorScale, strides: config.strides, stds: DELTA_STDS } },
    decode: (codes, { boxes }) => decodeDeltas(codes, boxes),
    centerness: centernessTargets,
    terms: (output, priors, assignment, targets) => atssTerms(output, priors, assignment, targets, { classes, weights: config.lossWeights }),
  });
}
