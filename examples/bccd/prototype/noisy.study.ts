// The same with a fifth of the training boxes spoilt: do the weights of instances find them?
//
//   KD_DATA=/path/to/bccd pnpm kd compare examples/bccd/prototype/noisy.study.ts --out runs/bccd-noisy
import { prototype } from '@kd/plugin-prototype';
import * as tf from '@tensorflow/tfjs-core';
import { noisyLabels, reliabilityLog } from './noisy-labels.js';
import { twoParts } from './two-parts.js';

const noise = noisyLabels(0.2);

export default twoParts(
  'retinanet',
  {
    all: { init: 'first', distillers: [prototype(), reliabilityLog(noise)] },
    unweighted: {
      init: 'first',
      distillers: [prototype({ reliability: ({ student: cosines }) => tf.ones([cosines.shape[0]]) })],
    },
  },
  { train: noise.train },
);
