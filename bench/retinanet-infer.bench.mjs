// Inference: forward, decoding, NMS per class. Logits of the untrained heads are spread alike, so that there is
// something to suppress.
import { runDetector } from './detector-case.mjs';

export const name = 'retinanet-r50-infer';

export const run = async ({ peer }) => ({
  ...(await runDetector({ ours: 'retinanet', mode: 'infer' }, peer)),
  timed: 'batch on the host to detections on the host',
});
