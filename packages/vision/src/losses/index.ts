export * from './absolute.js';
export { bceWithLogits } from './bce.js';
export * from './cross-entropy.js';
export * from './focal-sum.js';
export { sigmoidFocalLoss, type FocalOptions } from './focal.js';
export * from './quality-focal.js';
export * from './regression.js';
export * from './soft-kl.js';
export * from './soft-quality-focal.js';
