import * as tf from '@tensorflow/tfjs-core';
import type { StepView, TapRequests } from '../src/contract/plugin.js';
import { plugin } from './distillation.js';

/** A plugin with a helper of its own, which learns from the student's features and never teaches them. */
export const helped = () =>
  plugin('helped', (scope) => {
    const gain = scope
      .variables({ optimizer: { name: 'adamw', lr: 0.1 }, clipNorm: 0.01 })
      .variable('gain', tf.scalar(2));
    return {
      featureTap: (taps: TapRequests) => void taps.pair('neck@*', { channels: 'any' }),
      lossCompose: (step: StepView) =>
        tf.tidy(() => {
          const [own, theirs] = [tf.mean(step.student.tap('neck@p3')), tf.mean(step.teacher.tap('neck@p3'))];
          return { helper: step.ownOnly(tf.squaredDifference(tf.mul(own, gain), theirs) as tf.Scalar) };
        }),
      schedule: () => 3,
    };
  });
