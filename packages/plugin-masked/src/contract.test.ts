import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { mgd } from './index.js';

const engine = await namedEngine();
const teacher = toyDetector({ width: 6 });

testPlugin(mgd, { engine, teacher });
testPlugin(mgd, {
  engine,
  options: { ownOptimizer: { optimizer: { name: 'adamw', lr: 1e-3 } }, ratio: 0.3, schedule: { decay: 'linear' } },
});
testPlugin(mgd, { engine, student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) });
