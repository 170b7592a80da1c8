import { testDetector } from '@kd/testing';
import { retinanet } from './index.js';

testDetector(retinanet, {
  options: { backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 }, fpnChannels: 4, head: { depth: 2 }, input: { minSize: 64, maxSize: 64 } },
});
