export * from './affine-norm.js';
export * from './batch-norm.js';
export * from './conv-block.js';
export * from './frozen-batch-norm.js';
export * from './group-norm.js';
export * from './layer-weight.js';
export * from './norm.js';
export * from './upsample-like.js';
