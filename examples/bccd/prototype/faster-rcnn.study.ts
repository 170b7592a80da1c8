// Prototypes in two parts, and the methods that suit a two-stage detector.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/prototype/faster-rcnn.study.ts --out runs/bccd-faster-rcnn
import { twoParts } from './two-parts.js';

export default twoParts('faster-rcnn', {
  fbkd: { init: 'first', distillers: ['fbkd'] },
  defeat: { init: 'first', distillers: ['defeat'] },
  crosskd: { init: 'first', distillers: ['crosskd'] },
  'crosskd-aligned': { init: 'first', distillers: [['crosskd', { align: true }]] },
  'crosskd-rpn': { init: 'first', distillers: [['crosskd', { rpn: {} }]] },
});
