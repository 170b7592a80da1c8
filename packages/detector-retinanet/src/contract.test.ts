import { testDetector } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { type RetinaNetInput, retinanet } from './index.js';

const engine = await namedEngine();
const tiny: RetinaNetInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 2 },
  input: { minSize: 64, maxSize: 64 },
};

testDetector(retinanet, { engine, options: tiny });

testDetector(retinanet, { engine, options: { ...tiny, flavour: 'mmdet' } });
