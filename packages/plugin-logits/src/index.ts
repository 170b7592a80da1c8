export { kd, type KdInput, type KdOptions } from './kd.js';
export { kdLoss, type KdLossOptions, type KdRows } from './kd-loss.js';
export { rkd, type RkdInput, type RkdOptions } from './rkd.js';
export { rkdLoss, type RelationOptions, type RelationRows, type Relations } from './rkd-loss.js';
