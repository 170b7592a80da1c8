export type { SsimPluginInput, SsimPluginOptions } from './options.js';
export { default, ssim } from './plugin.js';
export type { SsimOptions } from './settings.js';
export { ssimLevels, type LevelExtras, type SsimLevelsOptions } from './ssim-levels.js';
export { ssimIntermediates, ssimLoss } from './ssim-loss.js';
