import * as tf from '@tensorflow/tfjs-core';
import type { Detector, VariableUpdate } from '../contract/detector.js';
import { KdError } from '../errors.js';
import type { Kept } from './kept.js';

/**
 * Keeps the new values of a forward pass until whoever runs the step assigns them. Of several for one variable, whose
 * layer ran more than once, the last counts.
 * @throws KdError PLUGIN_HOOK for what cannot be assigned
 */
export function keptUpdates(updates: readonly VariableUpdate[], detector: Detector, results: Kept): VariableUpdate[] {
  for (const { variable, value } of updates) {
    const wrong = faultOf(variable, value);
    if (wrong === null) continue;
    const path = detector.variables.find((one) => one.variable === variable)?.path ?? variable.name;
    throw new KdError('PLUGIN_HOOK', `detector ${detector.name}: the new value of ${path} in \`updates\` ${wrong}`);
  }
  const last = new Map(updates.map(({ variable, value }) => [variable, value]));
  return [...last].map(([variable, value]) => ({ variable, value: results.keep(value) }));
}

function faultOf(variable: tf.Variable, value: tf.Tensor): string | null {
  if (value.isDisposed)
    return 'was freed before the step took it: a tf.tidy around its layers returned without it. Use tidyWithUpdates of @kd/vision there.';
  if (value instanceof tf.Variable) return 'is a variable itself, which the step would free. Give a clone of it.';
  const [has, is] = [variable, value].map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  return has === is ? null : `is ${is}, and the variable ${has}. Give it the same type and shape.`;
}
