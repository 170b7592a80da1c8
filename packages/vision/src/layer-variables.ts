import type { DetectorVariable } from '@kd/core';
import { type Layer, variableOf, weightName } from './layers/layer-weight.js';

/**
 * The variables of layers in their order, by path `<layer>/<weight>`; frozen layers and running statistics do not
 * train.
 */
export function layerVariables(layers: readonly Layer[]): DetectorVariable[] {
  return layers.flatMap((layer) =>
    // The layer's own order changes when it is frozen (trainable weights come first), a sorted one does not.
    [...layer.weights]
      .map((weight) => ({ name: weightName(weight), variable: variableOf(weight) }))
      .sort((a, b) => rank(a.name) - rank(b.name))
      .map(({ name, variable }) => ({ path: `${layer.name}/${name}`, variable, trainable: variable.trainable })),
  );
}

const ORDER = ['kernel', 'bias', 'gamma', 'beta', 'moving_mean', 'moving_variance'];
const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
