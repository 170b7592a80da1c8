//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/prototype/retinanet.study.ts --out runs/bccd-prototype
import { twoParts } from './two-parts.js';

export default twoParts('retinanet');
