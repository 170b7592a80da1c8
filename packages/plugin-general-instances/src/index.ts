export { default, gid, type GidInput, type GidOptions } from './gid.js';
export {
  featureLoss,
  type PooledInstances,
  relationLoss,
  responseLosses,
  type Responses,
} from './instance-losses.js';
export { responseMask } from './response-mask.js';
export {
  type GeneralInstances,
  type ScoredBoxes,
  selectInstances,
  type SelectionOptions,
} from './select-instances.js';
