import { KdError } from '@kd/core/plain';
import type { TellFault } from './faults.js';
import { isMissing } from './safe-path.js';

/** Tells what is wrong with pictures of `total`; before it, that their folder looks wrong where most are not there. */
export function tellPictures(faults: readonly KdError[], total: number, tell: TellFault): void {
  const missing = faults.filter(isMissing).length;
  if (missing > 1 && missing > total / 2)
    tell(
      new KdError(
        'IMAGE_INVALID',
        `${missing} of ${total} images are not there: the folder of the images looks wrong.`,
      ),
    );
  faults.forEach(tell);
}
