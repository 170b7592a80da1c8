export * from './clip.js';
export * from './coder.js';
export * from './extremes.js';
export * from './iou-losses.js';
export * from './iou.js';
export * from './linear-coder.js';
export * from './resize.js';
export * from './small.js';
