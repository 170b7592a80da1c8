// One training step of GFL, beside one of torchvision's FCOS, which has the same towers and no GFL to compare with, as
// in retinanet-step.
import { runDetector } from './detector-case.mjs';

export const name = 'gfl-r50-step';

export const run = async ({ peer }) => ({
  ...(await runDetector({ ours: 'gfl', theirs: 'fcos', mode: 'step', same: false }, peer)),
  timed: 'batch on the host to updated weights and losses on the host',
});
