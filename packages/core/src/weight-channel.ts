import * as tf from '@tensorflow/tfjs-core';
import type { Assignment } from './contract/detector.js';
import type { WeightChannel } from './contract/plugin.js';
import { KdError } from './errors.js';
import type { Kept } from './kept.js';

/** The weight channel of one batch: open during `headForward`, then read only. */
export function weightChannel({ matched }: Assignment, kept: Kept): { for(id: string): WeightChannel; close(): void } {
  let filled: { readonly by: string; readonly weights: tf.Tensor2D } | undefined;
  let open = true;
  return {
    for: (id) => ({
      get: () => filled?.weights ?? null,
      set: (weights) => {
        const refuse = (why: string): never => {
          throw new KdError('PLUGIN_HOOK', `${id}: ${why}`);
        };
        if (!open) refuse('the weight channel can be filled in headForward only, so that every lossCompose reads the same weights.');
        if (filled !== undefined) refuse(`the weight channel is already filled by ${filled.by}; only one plugin of a run may fill it.`);
        if (weights.shape.join() !== matched.shape.join()) {
          refuse(`the weight channel holds one weight a prior, [${matched.shape.join(', ')}]; got [${weights.shape.join(', ')}].`);
        }
        // A copy, so that the plugin may dispose its own.
        filled = { by: id, weights: kept.keep(tf.clone(weights)) };
      },
    }),
    close: () => void (open = false),
  };
}
