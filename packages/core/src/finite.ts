import type { HostTensor } from './contract/checkpoint.js';
import { KdError } from './errors.js';
import { hostFloats } from './host-floats.js';

/**
 * Refuses values that are not numbers: every output of such a network would be none.
 * @throws KdError CHECKPOINT_INVALID naming file and tensors
 */
export function checkFinite(tensors: Iterable<readonly [string, HostTensor]>, where: string): void {
  // Values may be made when they are read: once a tensor.
  const lost = [...tensors].flatMap(([name, value]) => {
    const floats = hostFloats(value);
    const first = firstNonFinite(floats);
    if (first === undefined) return [];
    const count = floats.reduce((sum, one) => sum + (Number.isFinite(one) ? 0 : 1), 0);
    return [`${name} holds ${first} (${count} of ${floats.length} values are not finite)`];
  });
  if (lost.length > 0)
    throw new KdError(
      'CHECKPOINT_INVALID',
      `${where}: ${lost.slice(0, 3).join('; ')}${lost.length > 3 ? `; and so do ${lost.length - 3} more tensors` : ''}. It is from a training that diverged, or damaged: take another file.`,
    );
}

/** A plain loop: a callback a value takes seconds for the weights and slots of a large network. */
export function firstNonFinite(values: Float32Array): number | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return values[i];
  return undefined;
}
