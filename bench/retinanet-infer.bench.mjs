// Inference of RetinaNet ResNet-50 and ResNet-18: forward, decoding, NMS per class. Logits of the untrained heads are
// spread alike, so that there is something to suppress.
import { runDetector } from './detector-case.mjs';

export const name = 'retinanet-infer';

export async function run({ peer }) {
  const rows = [];
  for (const detector of ['retinanet', 'retinanet-r18'])
    rows.push({
      detector,
      ...(await runDetector({ ours: detector, mode: 'infer' }, peer)),
      timed: 'batch on the host to detections on the host',
    });
  return rows;
}
