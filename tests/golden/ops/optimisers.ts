import { createOptimizer, type OptimizerOptions, type Slots } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { only } from '../support/index.js';
import { functional, type Op, type Params } from './case.js';

/** Of torch; another one is a parameter that nobody reads. */
const KEYS = ['momentum', 'weight_decay', 'nesterov', 'dampening', 'betas', 'eps'];
const camelCase: Readonly<Record<string, string>> = { weight_decay: 'weightDecay' };

/** Parameters named as torch names them; every one of them reaches the optimiser. */
function optimiserOptions(name: OptimizerOptions['name'], params: Params): OptimizerOptions {
  const rest = KEYS.filter((key) => params[key] !== undefined).map((key) => [key, params[key]] as const);
  return {
    name,
    ...Object.fromEntries(rest.map(([key, value]) => [camelCase[key] ?? key, value])),
  } as OptimizerOptions;
}

/** Values after each step, stacked. */
function trajectory(start: tf.Tensor, gradients: tf.Tensor, name: OptimizerOptions['name'], params: Params): tf.Tensor {
  const optimizer = createOptimizer(optimiserOptions(name, params));
  let value = start;
  let slots: Slots | undefined;
  only('steps', params['steps'], gradients.shape[0]);
  const values = tf.unstack(gradients).map((gradient, count) => {
    const options = {
      lr: params['lr'] as number,
      weightDecay: (params['weight_decay'] as number | undefined) ?? optimizer.weightDecay,
      count,
    };
    ({ value, slots } = optimizer.update(value, gradient, slots, options));
    return value;
  });
  return tf.stack(values);
}

const optimiser = (name: OptimizerOptions['name']): Op =>
  functional((inputs, params) => {
    const parameters = Object.keys(inputs).filter((key) => !key.startsWith('grads_'));
    return Object.fromEntries(
      parameters.map((key) => [key, trajectory(inputs[key]!, inputs[`grads_${key}`]!, name, params)]),
    );
  });

export const optimiserOps: Readonly<Record<string, Op>> = {
  SGD: optimiser('sgd'),
  Adam: optimiser('adam'),
  AdamW: optimiser('adamw'),
};
