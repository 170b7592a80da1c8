import { tensorflow } from '@kd/engine-tensorflow';
import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { icd } from './index.js';

const engine = tensorflow();
const wide = toyDetector({ width: 8 });

testPlugin(icd, { engine, options: { heads: 2, schedule: {} }, teacher: wide });
testPlugin(icd, { engine, options: { heads: 2, variant: 'megengine', schedule: {}, fakes: 0 } });
testPlugin(icd, {
  engine,
  options: { heads: 4, schedule: {}, slots: 3 },
  student: toyTwoStage(),
  teacher: toyTwoStage({ width: 8 }),
});
