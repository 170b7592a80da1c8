export type { AdapterName } from '@kd/core';
export {
  decoupledKl,
  decoupledLoss,
  type Decoupled,
  type DecoupledKlOptions,
  type DecoupledMaps,
} from './decoupled-loss.js';
export { defeat, type DeFeatInput, type DeFeatOptions } from './defeat.js';
export { fgfi, type FgfiInput, type FgfiOptions } from './fgfi.js';
export { fitnets, type FitNetsInput, type FitNetsOptions } from './fitnets.js';
export { hintLevels, type HintLossOptions } from './hint-loss.js';
export { imitationLoss, type FgfiVariant, type MaskedMaps } from './imitation-loss.js';
export { nearAnchors, type NearAnchorOptions } from './near-anchors.js';
