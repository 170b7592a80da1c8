export { createGenerator, generate, type Generator } from './generator.js';
export { randomMask } from './mask.js';
export { mgd, mgd as default, type MgdInput, type MgdOptions } from './mgd.js';
export { type MgdLevel, mgdLoss } from './mgd-loss.js';
