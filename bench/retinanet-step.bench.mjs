// One training step: forward, assignment, losses, gradients and SGD with momentum and decay, the first two stages of
// the backbone frozen.
import { runDetector } from './detector-case.mjs';

export const name = 'retinanet-r50-step';

export const run = async ({ peer }) => ({
  ...(await runDetector({ ours: process.env.KD_BENCH_DETECTOR ?? 'retinanet', mode: 'step' }, peer)),
  timed: 'batch on the host to updated weights and losses on the host',
});
