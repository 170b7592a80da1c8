import { type ExportedModel, type ExportedNetwork, KdError, type TwoStageDetections } from '@kd/core';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';
import type { NetworkGraph } from './graph.js';
import { readNetwork } from './read-network.js';

/** The second stage of a detector. */
export interface SecondStage {
  readonly detections: TwoStageDetections;
  /** What regions are pooled from. */
  readonly levels: readonly SymbolicTensor[];
  /** Strides of the levels. */
  readonly strides: readonly number[];
  /** One a stage: pooled features to logits and deltas. */
  readonly heads: readonly NetworkGraph[];
}

/** @throws KdError USAGE for what cannot be written */
export function readSecondStage(
  { detections, regions, strides }: ExportedNetwork,
  { detector, input }: ExportedModel,
): SecondStage | null {
  if (detections?.kind !== 'two-stage') return null;
  const { pooling, stages } = detections;
  if (regions === undefined || regions.heads.length !== stages.length)
    throw new KdError(
      'USAGE',
      `the detector ${detector} says how its second stage detects, but not what it consists of: give \`regions\` one box head for each of the ${stages.length} stages, or export its maps (--raw).`,
    );
  const own = strides.slice(0, regions.levels.length);
  const step = input.rule.sizeDivisible;
  if (input.size === null && pooling.strides === null && own.some((stride) => step % stride !== 0))
    throw new KdError(
      'USAGE',
      `the scales of the levels that ${detector} pools regions from follow from the size of the images, since multiples of ${step} are not multiples of the strides ${own.join(', ')}: give one size (--size), or set sizeDivisible to ${Math.max(...own)}.`,
    );
  return {
    detections,
    levels: regions.levels,
    strides: own,
    heads: regions.heads.map(({ pooled, logits, deltas }) => readNetwork(pooled, [logits, deltas])),
  };
}
