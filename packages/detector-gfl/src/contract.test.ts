import { tensorflow } from '@kd/engine-tensorflow';
import { testDetector } from '@kd/testing';
import { atss, type AtssInput, gfl } from './index.js';

const engine = tensorflow();
const options: AtssInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 2, groups: 2 },
  input: { minSize: 64, maxSize: 64 },
};

testDetector(atss, { engine, options });
testDetector(gfl, { engine, options: { ...options, lossWeights: {}, regMax: 4 } });
