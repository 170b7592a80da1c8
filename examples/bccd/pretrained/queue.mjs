// Trains RetinaNet on EfficientNet-Lite0 from scratch and from published weights, three seeds each, and goes on where it
// was stopped.
//
//   KD_DATA=/path/to/bccd node examples/bccd/pretrained/queue.mjs [--out runs/bccd-pretrained] [--seeds 0,1,2]
//     [--starts scratch,pretrained]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { trainOnce } from '../train-once.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/bccd-pretrained' },
    seeds: { type: 'string', default: '0,1,2' },
    starts: { type: 'string', default: 'scratch,pretrained' },
  },
});

for (const seed of values.seeds.split(','))
  for (const start of values.starts.split(','))
    trainOnce('examples/bccd/pretrained/student.config.ts', join(values.out, `${start}-${seed}`), {
      KD_SEED: seed,
      KD_START: start,
    });
