export { alignScale } from './align.js';
export { crossHead, type Crossed } from './cross-head.js';
export type { CrossKdInput, CrossKdOptions } from './options.js';
export { crosskd, default } from './plugin.js';
export { crosskdPkd } from './preset.js';
export { DENOMINATOR_EPSILON, inverse, weightedSum } from './weighted-sum.js';
export { softKl, type SoftKlOptions, softQualityFocal } from '@kd/vision';
