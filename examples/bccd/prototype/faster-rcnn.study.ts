// Prototypes in two parts, and the methods that suit a two-stage detector.
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/prototype/faster-rcnn.study.ts --out runs/bccd-faster-rcnn
import { otherSelections, twoParts } from './two-parts.js';

export default twoParts('faster-rcnn', {
  ...otherSelections,
  fbkd: { init: 'first', distillers: ['fbkd'] },
  defeat: { init: 'first', distillers: ['defeat'] },
  crosskd: { init: 'first', distillers: ['crosskd'] },
});
