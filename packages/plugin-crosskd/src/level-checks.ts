import { KdError } from '@kd/core';

/**
 * Whether a level has a deviation: one cell in all has none.
 * @param options.seen false in the first batch, where such a level is a mistake of the config; later it is left out
 *   with a warning
 * @throws KdError CONFIG_INVALID in the first batch
 */
export function hasStatistics(
  level: string,
  [b, h, w]: readonly number[],
  { id, seen, warn }: { readonly id: string; readonly seen: boolean; readonly warn: (message: string) => void },
): boolean {
  if (b! * h! * w! > 1) return true;
  if (seen) {
    warn(
      `${id}: level ${level} has one cell in a batch of one image, which has no deviation to align; the level was left out of such batches.`,
    );
    return false;
  }
  throw new KdError(
    'CONFIG_INVALID',
    `${id}: level ${level} has one cell in a batch of one image, which has no deviation to align. Train with batchSize 2 or more, with larger images, or leave the level out of student and teacher.`,
  );
}
