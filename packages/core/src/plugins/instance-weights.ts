import * as v from 'valibot';
import type { StepView } from '../contract/plugin.js';

/**
 * Whether a plugin's terms on objects read the weights of instances that another plugin hands out, for its options:
 * `instanceWeights`.
 */
export const instanceWeights = v.optional(v.boolean(), true);

/** The step as it is, or as if no plugin handed out weights of instances. */
export const weighedStep = (step: StepView, options: { readonly instanceWeights: boolean }): StepView =>
  options.instanceWeights ? step : (Object.create(step, { weights: { value: { get: () => null } } }) as StepView);
