export { attention, type AttentionInputs, type AttentionLayers } from './attention.js';
export { helperLosses, type HelperLosses, type HelperTargets } from './helper-losses.js';
export { default, icd, type IcdInput, type IcdOptions } from './icd.js';
export { type Linear, linear } from './linear.js';
export { mimicLoss, type MimicInputs, type MimicOptions, type MimicVariant } from './mimic-loss.js';
export { sinePosition } from './sine-position.js';
