import type { anchorGrid } from '@kd/vision';
import type { SharedConfig } from './options.js';

/** One anchor a cell, centred on its upper left corner, `anchorScale` strides long. */
export const gridOf = ({
  strides,
  anchorScale,
}: Pick<SharedConfig, 'strides' | 'anchorScale'>): Parameters<typeof anchorGrid>[2] => ({
  sizes: strides.map((stride) => [stride * anchorScale]),
  ratios: strides.map(() => [1]),
  round: false,
  strides: strides.map((stride) => [stride, stride] as const),
});
