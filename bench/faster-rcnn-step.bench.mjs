// One training step of Faster R-CNN with its proposals and samples, as in retinanet-step.
import { runDetector } from './detector-case.mjs';

export const name = 'faster-rcnn-r50-step';

export const run = async ({ peer }) => ({
  ...(await runDetector({ ours: 'faster-rcnn', mode: 'step' }, peer)),
  timed: 'batch on the host to updated weights and losses on the host',
});
