import * as tf from '@tensorflow/tfjs-core';
import type { InstanceWeights, WeightChannel } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import type { Kept } from './kept.js';

/**
 * The weight channel of one batch: open during `headForward`, then read only.
 * @param shape [b, n] of the table of instances, asked for when the channel is filled
 */
export function weightChannel(
  shape: () => readonly number[],
  kept: Kept,
): { for(id: string): WeightChannel; close(): void } {
  let filled: { readonly by: string; readonly weights: InstanceWeights } | undefined;
  let open = true;
  return {
    for: (id) => ({
      get: () => filled?.weights ?? null,
      set: ({ levels, response }) => {
        const refuse = (why: string): never => {
          throw new KdError('PLUGIN_HOOK', `${id}: ${why}`);
        };
        if (!open)
          refuse(
            'the weight channel can be filled in headForward only, so that every lossCompose reads the same weights.',
          );
        if (filled !== undefined)
          refuse(`the weight channel is already filled by ${filled.by}; only one plugin of a run may fill it.`);
        const wanted = shape().join(', ');
        const wrong = [...levels, response].find((weights) => weights.shape.join(', ') !== wanted);
        if (wrong !== undefined)
          refuse(`the weight channel holds one weight an instance, [${wanted}]; got [${wrong.shape.join(', ')}].`);
        // Copies, so that the plugin may dispose its own.
        const copy = (weights: tf.Tensor2D): tf.Tensor2D => kept.keep(tf.clone(weights));
        filled = { by: id, weights: { levels: levels.map(copy), response: copy(response) } };
      },
    }),
    close: () => void (open = false),
  };
}
