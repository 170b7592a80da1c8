// One training step of Faster R-CNN with its proposals and samples, as in retinanet-step. Samples are drawn, so that
// losses of the two sides differ.
import { runDetector } from './detector-case.mjs';

export const name = 'faster-rcnn-r50-step';

export const run = async ({ peer }) => ({
  ...(await runDetector({ ours: 'faster-rcnn', mode: 'step', same: false }, peer)),
  timed: 'batch on the host to updated weights and losses on the host',
});
