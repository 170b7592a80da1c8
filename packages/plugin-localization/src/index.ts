export { ldLoss, type LdLossOptions, type LdRows } from './ld-loss.js';
export type { LdInput, LdOptions } from './options.js';
export { default, ld } from './plugin.js';
export { ldGi, ldKd } from './presets.js';
export { valuableRegion, type ValuableRegionOptions } from './valuable-region.js';
