import { createRng } from '@kd/core/plain';

/** The order of the images in an epoch: indices into the data set, from the seed and the epoch alone. */
export function epochOrder(count: number, shuffle: boolean, seed: number, epoch: number): readonly number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  return shuffle ? createRng(seed, 'order', epoch).shuffle(order) : order;
}

/**
 * The image for a slot of an epoch: its own, or the next usable one of the order. The search starts one batch further
 * on,
 * so that it rarely takes an image of the same batch, and needs nothing but the order, so that resuming finds the same.
 * @returns an index into the data set, or null when every image is bad
 */
export function imageForSlot(
  order: readonly number[],
  slot: number,
  batchSize: number,
  isBad: (index: number) => boolean,
): number | null {
  if (!isBad(order[slot]!)) return order[slot]!;
  for (let i = 0; i < order.length; i++) {
    const index = order[(slot + batchSize + i) % order.length]!;
    if (!isBad(index)) return index;
  }
  return null;
}
