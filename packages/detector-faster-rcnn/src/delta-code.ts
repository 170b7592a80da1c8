import type { BoxCode } from '@kd/core';
import { type BoxCoderOptions, MAX_LOG_SIZE_RATIO } from '@kd/vision';

export type DeltaCode = BoxCode & { readonly code: 'delta' };

/** A coder of boxes with every default said, as other programs need it. */
export const deltaCode = (options: BoxCoderOptions): DeltaCode => ({
  code: 'delta',
  weights: [1, 1, 1, 1],
  clip: MAX_LOG_SIZE_RATIO,
  ...options,
});
