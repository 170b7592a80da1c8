// Inference: forward, decoding, NMS per class. Logits of the untrained heads are spread alike, so that there is something to suppress.
import { runRetinanet } from './retinanet-case.mjs';

export const name = 'retinanet-r50-infer';

export const run = async ({ peer }) => ({ ...(await runRetinanet('infer', peer)), timed: 'batch on the host to detections on the host' });
