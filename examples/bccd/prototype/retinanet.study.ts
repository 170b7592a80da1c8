// Prototypes in two parts: each loss by itself, and other ways to choose prototypes.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/prototype/retinanet.study.ts --out runs/bccd-prototype
import { otherSelections, taught, twoParts } from './two-parts.js';

const only = (loss: 'global' | 'feature' | 'response') =>
  taught({ weights: { global: 0, feature: 0, response: 0, [loss]: { global: 5, feature: 1, response: 1 }[loss] } });

export default twoParts('retinanet', {
  global: only('global'),
  feature: only('feature'),
  response: only('response'),
  ...otherSelections,
});
