import { testDetector } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { atss, type AtssInput, gfl } from './index.js';

const engine = await namedEngine();
const options: AtssInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 2, groups: 2 },
  input: { minSize: 64, maxSize: 64 },
};

testDetector(atss, { engine, options });
testDetector(gfl, { engine, options: { ...options, lossWeights: {}, regMax: 4 } });
