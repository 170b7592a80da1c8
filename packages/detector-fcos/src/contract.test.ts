import { testDetector } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { fcos } from './index.js';

const engine = await namedEngine();
const options = {
  backbone: { block: 'basic' as const, layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  head: { depth: 2, groups: 2 },
  input: { minSize: 64, maxSize: 64 },
};

testDetector(fcos, { engine, options });
testDetector(fcos, { engine, options: { ...options, flavour: 'mmdet' } });
testDetector(fcos, {
  engine,
  options: {
    ...options,
    flavour: 'mmdet',
    centerSampling: 1.5,
    boxLoss: 'giou',
    head: { ...options.head, normOnBbox: true, centerness: 'reg', convBias: true },
  },
});
