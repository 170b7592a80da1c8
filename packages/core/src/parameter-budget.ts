import { KdError } from './errors.js';

/**
 * Far above every published detector (a ResNeXt-101 has 1e8): with gradients and slots of an optimiser such a network
 * takes 4 GB before the first image.
 */
export const MOST_PARAMETERS = 250_000_000;

let left = Infinity;

/** Runs what makes a network: all that {@link spendParameters} is told within may come to {@link MOST_PARAMETERS}. */
export function withParameterBudget<T>(create: () => T): T {
  left = MOST_PARAMETERS;
  try {
    return create();
  } finally {
    left = Infinity;
  }
}

/**
 * Tells of a kernel before there is memory for it: every option of a network may be within its bounds, and their
 * product beyond all memory.
 * @throws KdError CONFIG_INVALID when the network gets too large
 */
export function spendParameters(shape: readonly number[]): void {
  left -= shape.reduce((product, side) => product * side, 1);
  if (left >= 0) return;
  throw new KdError(
    'CONFIG_INVALID',
    `the network has more than ${MOST_PARAMETERS / 1e6} million parameters, at a kernel of shape [${shape.join(', ')}] already; no machine that this is for trains it. Take fewer channels (width, fpnChannels, representationSize) or layers.`,
  );
}
