export { applyAdapter, type Adapter } from './adapter.js';
export type { SsimOptions } from './settings.js';
export { ssimLevels, type LevelExtras, type SsimLevelsOptions } from './ssim-levels.js';
export { ssimIntermediates, ssimLoss } from './ssim-loss.js';
