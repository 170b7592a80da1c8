import * as v from 'valibot';
import { optimizerOptions } from '../config.js';
import type { PluginScope, VariableMaker } from '../contract/plugin.js';
import { positive } from '../positive.js';

/** An optimiser of its own for what a plugin trains, for its options: `ownOptimizer`. Without it the run's. */
export const ownOptimizer = v.optional(
  v.strictObject({
    optimizer: optimizerOptions,
    /** Largest norm of the gradients of all that it moves. */
    clipNorm: v.optional(v.nullable(positive), null),
  }),
);

/** Who makes the variables: the group that the option asks for, or the scope. */
export const variableMaker = (scope: PluginScope, own: v.InferOutput<typeof ownOptimizer>): VariableMaker =>
  own === undefined ? scope : scope.variables(own);
