import { diagnose } from '@kd/engine-tensorflow';
import { beforeAll, beforeEach, describe } from 'vitest';

const { usable, wouldDownload, advice } = await diagnose();

/** Why nothing is tested on native TensorFlow here, or null. Where another engine is named nothing is downloaded. */
const missing = !usable
  ? `native TensorFlow cannot run here: ${advice.join(' ')}`
  : wouldDownload !== null && !['tensorflow', '', undefined].includes(process.env['KD_ENGINE'])
    ? `native TensorFlow is not set up, and KD_ENGINE is ${process.env['KD_ENGINE']}`
    : null;

/**
 * At the top of a file whose tests ask for native TensorFlow and no other engine: where it cannot run they are skipped
 * by name, with the reason.
 * @param before run before them, as by `beforeAll`
 */
export function needsTensorflow(...before: readonly Parameters<typeof beforeAll>[0][]): void {
  beforeEach(({ skip }) => skip(missing !== null, missing ?? ''));
  if (missing === null) for (const run of before) beforeAll(run);
}

/** `describe` for such tests; the reason is in its name. */
export const describeOnTensorflow = (name: string, tests: () => void): void => {
  describe.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, tests);
};
