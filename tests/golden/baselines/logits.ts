import { kdLoss, type KdLossOptions, rkdLoss } from '@kd/plugin-logits';
import type * as tf from '@tensorflow/tfjs-core';
import { oneOf, only } from '../support/index.js';
import type { Method } from './method.js';

export const logitsMethods: Readonly<Record<string, Method>> = {
  kd: (inputs, { config }) => {
    const { temperature, beta, averageFactor } = config as Record<string, number | undefined>;
    const variant = oneOf('variant', config['variant'], ['softmax', 'sigmoid', 'qfl']);
    const reduction = oneOf('reduction', config['reduction'], [undefined, 'batchmean', 'mean', 'classmean']);
    if (config['weighted'] !== undefined) only('weighted', config['weighted'], inputs.has('weights'));
    const options: KdLossOptions = {
      loss: variant,
      ...(temperature !== undefined && { temperature }),
      ...(beta !== undefined && { beta }),
      ...(reduction && { reduction: reduction === 'classmean' ? ('classmean-weighted' as const) : reduction }),
    };
    return {
      kd: kdLoss(inputs.get('logits_s')!, inputs.get('logits_t')!, options, {
        weights: inputs.get('weights'),
        ...(averageFactor !== undefined && averageFactor !== null && { averageFactor }),
      }),
    };
  },

  // The slope at embeddings on one place is that of the public code, which is no use in training.
  rkd: (inputs, { config }) => ({
    ...rkdLoss(inputs.get('e_s') as tf.Tensor2D, inputs.get('e_t') as tf.Tensor2D, {
      unitLength: oneOf('unitLength', config['unitLength'], [undefined, true, false]) === true,
      duplicates: 'reference',
    }),
  }),
};
