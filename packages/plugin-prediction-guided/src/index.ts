export { frs, type FrsInput, type FrsOptions } from './frs.js';
export { pfi, type PfiInput, type PfiOptions } from './pfi.js';
export { pfiLoss, type PfiLossOptions } from './prediction-guided-loss.js';
export { richnessLoss, type RichnessLosses } from './richness-loss.js';
export type { ScoredMaps } from './scored-levels.js';
