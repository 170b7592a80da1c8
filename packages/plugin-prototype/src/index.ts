export { type Bank, type BankInfo, type BankLevel, type BankLevelInfo, readBank, writeBank } from './bank-format.js';
export {
  cosines,
  type Pair,
  type PursuitCoefficients,
  pursuitCoefficients,
  type PursuitOptions,
} from './coefficients.js';
export {
  describeLevel,
  type Level,
  type LevelDescription,
  type Objects,
  ofOwnLevel,
  regionWeights,
} from './describe-level.js';
export { featureLoss, type FeatureLosses } from './feature-loss.js';
export { globalLoss, type GlobalLossOptions } from './global-loss.js';
export { type LevelPrototypes, levelPrototypes } from './level-prototypes.js';
export type { PrototypeInput, PrototypeOptions } from './options.js';
export { default, prototype } from './plugin.js';
export { ownClassGap, reliability, type ReliabilityRule, type Similarities } from './reliability.js';
export { responseLoss, type ResponseLossOptions } from './response-loss.js';
export { type Sample, type SampledInstance, sampleInstances, type SamplingOptions } from './sampling.js';
export { type GlobalOptions, levelFeature, levelGlobal } from './step-losses.js';
export * from './select/index.js';
