import type { PluginScope } from '../contract/plugin.js';
import { KdError } from '../errors.js';
import { createOptimizer, type Optimizer } from '../run/optimizers.js';

/** Variables of a plugin that are moved, and clipped, by themselves. */
export interface OptimizerGroup {
  readonly optimizer: Optimizer;
  readonly lr: number;
  readonly clipNorm: number | null;
}

const positive = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0;

/** What a plugin asks of an optimiser of its own. @throws KdError USAGE */
export function optimizerGroup({
  optimizer,
  clipNorm = null,
}: Parameters<PluginScope['variables']>[0]): OptimizerGroup {
  const made = createOptimizer(optimizer);
  const { lr } = optimizer;
  if (!positive(lr))
    throw new KdError('USAGE', `an optimiser of a plugin's own needs a rate, lr above 0; got ${String(lr)}.`);
  if (clipNorm !== null && !positive(clipNorm))
    throw new KdError('USAGE', `clipNorm must be above 0, or null for no clipping; got ${String(clipNorm)}.`);
  return { optimizer: made, lr, clipNorm };
}
