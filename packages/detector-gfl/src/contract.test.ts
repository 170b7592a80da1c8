import { testDetector } from '@kd/testing';
import { atss, type AtssInput, gfl } from './index.js';

const options: AtssInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 2, groups: 2 },
  input: { minSize: 64, maxSize: 64 },
};

testDetector(atss, { options });
testDetector(gfl, { options: { ...options, lossWeights: {}, regMax: 4 } });
