import { testDetector } from '@kd/testing';
import { {{camel}} } from './index.js';

testDetector({{camel}}, { options: { backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 }, fpnChannels: 4, depth: 2, input: { minSize: 64, maxSize: 64 } } });
