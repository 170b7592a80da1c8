import { KdError, type RegionHead } from '@kd/core';
import { blockRange, type RunContext } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import type { BoxHead } from './box-head.js';

export interface StagedBoxHeadOptions extends Pick<RegionHead, 'stages' | 'pooled'> {
  /** For messages. */
  readonly detector: string;
  readonly runOp?: RunContext['runOp'];
}

/** The box heads of a detector, one a stage, as the contract's head that can be cut. */
export function stagedBoxHead(
  heads: readonly BoxHead[],
  { detector, stages, pooled, runOp }: StagedBoxHeadOptions,
): RegionHead {
  const { depth } = heads[0]!;
  const check = (branch: string): void => {
    if (branch !== 'box')
      throw new KdError('USAGE', `${detector} second stage: there is no branch "${branch}"; there is box.`);
  };
  return {
    stages,
    pooled,
    branches: ['box'],
    depth: (branch) => {
      check(branch);
      return depth;
    },
    run(branch, x, { training = false, mask, ...run }) {
      check(branch);
      const { from, to, predicts } = blockRange(`${detector} second stage`, run, { depth, levels: heads.length });
      const head = heads[run.level]!;
      return tf.tidy((): Record<string, tf.Tensor4D> => {
        // The step's own run keeps the running statistics.
        const context: RunContext = { training, updates: [], ...(mask && { rows: mask }), ...(runOp && { runOp }) };
        const feature = head.blocks(x, from, to, context);
        if (!predicts) return { feature };
        const { logits, deltas } = head.predict(feature);
        const map = (rows: tf.Tensor2D): tf.Tensor4D => tf.reshape(rows, [rows.shape[0], 1, 1, rows.shape[1]]);
        return { logits: map(logits), deltas: map(deltas) };
      });
    },
  };
}
