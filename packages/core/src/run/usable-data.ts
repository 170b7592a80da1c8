import type { Dataset } from '../contract/data.js';
import { KdError } from '../errors.js';

/**
 * Why nothing can be learned from a data set, or measured on it, though every entry of it is in order; each reason goes
 * on from its name.
 * @param dropped boxes that were dropped while it was read
 */
export function unusable({ images, categories }: Dataset, dropped = 0): string[] {
  if (categories.length === 0) return ['has no classes: its annotations name none'];
  if (images.length === 0) return ['has no images'];
  let [boxes, tiny] = [0, 0];
  for (const { annotations } of images) {
    boxes += annotations.length;
    tiny += annotations.filter(({ box: [x1, y1, x2, y2] }) => x2 - x1 < 1 && y2 - y1 < 1).length;
  }
  if (boxes === 0)
    return [
      dropped === 0
        ? `has no box in any of its ${images.length} images`
        : `has no box left: all ${dropped} were dropped; are their coordinates those of other images?`,
    ];
  if (tiny === boxes)
    return [
      `has ${boxes} boxes, all smaller than a pixel, as coordinates from 0 to 1 are; multiply them by the width and the height of their images`,
    ];
  return [];
}

/** Files that a message names. */
const NAMED = 5;

/**
 * Before the first step: what would end a run in its middle, or a validation after hours of training, is told now.
 * @throws KdError DATA_INVALID for data that a run cannot use, IMAGE_INVALID for images that are not there; where bad
 *   images are skipped, only when none is there
 */
export async function checkUsable(dataset: Dataset, what: string, onBadImage: 'error' | 'skip'): Promise<void> {
  const [why] = unusable(dataset);
  if (why !== undefined) throw new KdError('DATA_INVALID', `${what} (${dataset.name}) ${why}.`);
  const missing = (await dataset.missing?.()) ?? [];
  const { length: count } = dataset.images;
  if (missing.length === 0 || (onBadImage === 'skip' && missing.length < count)) return;
  const named = `${missing.slice(0, NAMED).join(', ')}${missing.length > NAMED ? ', …' : ''}`;
  const advice =
    missing.length > count / 2
      ? 'The folder of the images looks wrong.'
      : "Restore them, take them out of the annotations, or set data.onBadImage: 'skip' to go on without them.";
  throw new KdError(
    'IMAGE_INVALID',
    `${what} (${dataset.name}): ${missing.length} of ${count} images are not there: ${named}. ${advice}`,
  );
}
