// One training step of FCOS, as in retinanet-step.
import { runDetector } from './detector-case.mjs';

export const name = 'fcos-r50-step';

export const run = async ({ peer }) => ({
  ...(await runDetector({ ours: 'fcos', theirs: 'fcos', mode: 'step' }, peer)),
  timed: 'batch on the host to updated weights and losses on the host',
});
