import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { gid } from './index.js';

const engine = await namedEngine();

testPlugin(gid, { engine, options: { minSide: 4, roiSize: 3, canonicalSize: 16 } });
testPlugin(gid, {
  engine,
  options: { minSide: 4, roiSize: 2, adapter: 'conv1x1', topk: 3 },
  teacher: toyDetector({ width: 6 }),
});
testPlugin(gid, {
  engine,
  options: { minSide: 4, roiSize: 2, adapter: 'conv3x3' },
  student: toyTwoStage(),
  teacher: toyTwoStage({ width: 6 }),
});
