export { pkdLevels, type LevelExtras } from './pkd-levels.js';
export { pkdLoss } from './pkd-loss.js';
export { default, pkd } from './plugin.js';
export type { PkdLossOptions, PkdPluginInput, PkdPluginOptions } from './settings.js';
