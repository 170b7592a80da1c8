import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { icd } from './index.js';

const engine = await namedEngine();
const wide = toyDetector({ width: 8 });

testPlugin(icd, { engine, options: { heads: 2, schedule: {} }, teacher: wide });
testPlugin(icd, { engine, options: { heads: 2, variant: 'megengine', schedule: {}, fakes: 0 } });
testPlugin(icd, {
  engine,
  options: { heads: 4, schedule: {}, slots: 3 },
  student: toyTwoStage(),
  teacher: toyTwoStage({ width: 8 }),
});
