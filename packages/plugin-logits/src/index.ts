export { kdLoss, type KdLossOptions, type KdRows } from './kd-loss.js';
export { rkdLoss, type RelationOptions, type RelationRows, type Relations } from './rkd-loss.js';
