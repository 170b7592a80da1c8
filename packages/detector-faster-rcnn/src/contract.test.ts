import { testDetector } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { cascadeRcnn, fasterRcnn, type FasterRcnnInput } from './index.js';

const engine = await namedEngine();
const tiny: FasterRcnnInput = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
  fpnChannels: 4,
  anchors: { sizes: [[8], [16], [32], [64], [128]] },
  rpn: { preNmsTopN: 30, postNmsTopN: 20, batchSize: 32 },
  roi: { batchSize: 16, canonicalScale: 32, outputSize: 3 },
  box: { representationSize: 8 },
  input: { minSize: 64, maxSize: 64 },
};

testDetector(fasterRcnn, { engine, options: tiny });

testDetector(fasterRcnn, {
  engine,
  options: {
    ...tiny,
    version: 2,
    norm: 'eval',
    trainableLayers: 5,
    rpn: { ...tiny.rpn, depth: 2 },
    box: { ...tiny.box, head: 'conv_fc', convs: 2 },
  },
});

testDetector(cascadeRcnn, {
  engine,
  options: {
    backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 2 },
    fpnChannels: 4,
    anchors: { sizes: [[8], [16], [32], [64], [128]] },
    rpn: { preNmsTopN: 20, postNmsTopN: 10, batchSize: 32 },
    roi: { batchSize: 8, canonicalScale: 32, outputSize: 3 },
    box: { representationSize: 8 },
    input: { minSize: 64, maxSize: 64 },
  },
});
