import { kdLoss, type KdLossOptions, rkdLoss } from '@kd/plugin-logits';
import type * as tf from '@tensorflow/tfjs-core';
import type { Method } from './method.js';

interface KdConfig {
  readonly variant: 'softmax' | 'sigmoid' | 'qfl';
  readonly temperature?: number;
  readonly beta?: number;
  readonly reduction?: 'batchmean' | 'mean' | 'classmean';
  readonly averageFactor?: number;
}

export const logitsMethods: Readonly<Record<string, Method>> = {
  kd: (inputs, { config }) => {
    const { variant, temperature, beta, reduction, averageFactor } = config as unknown as KdConfig;
    const options: KdLossOptions = {
      loss: variant,
      ...(temperature && { temperature }),
      ...(beta !== undefined && { beta }),
      ...(reduction && { reduction: reduction === 'classmean' ? ('classmean-weighted' as const) : reduction }),
    };
    return {
      kd: kdLoss(inputs.get('logits_s')!, inputs.get('logits_t')!, options, {
        weights: inputs.get('weights'),
        ...(averageFactor && { averageFactor }),
      }),
    };
  },

  // The slope at embeddings on one place is that of the public code, which is no use in training.
  rkd: (inputs, { config }) => ({
    ...rkdLoss(inputs.get('e_s') as tf.Tensor2D, inputs.get('e_t') as tf.Tensor2D, {
      unitLength: config['unitLength'] as boolean,
      duplicates: 'reference',
    }),
  }),
};
