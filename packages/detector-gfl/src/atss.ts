import type { DetectorContext } from '@kd/core';
import { anchorCells, createDenseDetector, type DenseDetector } from '@kd/vision';
import { gridOf } from './anchors.js';
import { assignAtss } from './assigner.js';
import { DELTA_STDS, DELTAS } from './atss-coder.js';
import { atssTerms } from './atss-losses.js';
import { centernessTargets } from './centerness.js';
import { atssBranches } from './head.js';
import type { AtssConfig } from './options.js';

export type AtssDetector = DenseDetector<AtssConfig>;

/** ATSS (Zhang et al., 2020) as mmdetection computes it. */
export function createAtss(config: AtssConfig, context: DetectorContext): AtssDetector {
  const classes = context.categories.length;
  return createDenseDetector(config, context, {
    name: 'atss',
    capabilities: ['anchors'],
    head: { ...config.head, branches: atssBranches(classes) },
    dense: {
      boxes: 'delta',
      priorsPerCell: 1,
      coding: { anchorScale: config.anchorScale, strides: config.strides, stds: DELTA_STDS },
    },
    flavour: 'mmdet',
    priors: anchorCells(gridOf(config)),
    decode: DELTAS,
    assign: (priors, targets) => {
      const assigned = assignAtss(priors, targets, {
        topk: config.assigner.topk,
        sizeDivisible: config.input.sizeDivisible,
      });
      return { ...assigned, centerness: centernessTargets(priors, targets, assigned.matched) };
    },
    terms: (output, priors, assignment, targets) =>
      atssTerms(output, priors, assignment, targets, { classes, weights: config.lossWeights }),
  });
}
