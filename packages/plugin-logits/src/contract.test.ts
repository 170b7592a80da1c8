import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { kd, rkd } from './index.js';

const engine = await namedEngine();

const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };

testPlugin(kd, { engine, taps: false, options: { loss: 'softmax' } });
testPlugin(kd, { engine, taps: false, options: { loss: 'sigmoid', temperature: 2, on: 'positives' } });
testPlugin(kd, { engine, taps: false, ...two });

testPlugin(rkd, { engine, options: { unitLength: true, cap: 8 }, teacher: toyDetector({ width: 6 }) });
testPlugin(rkd, { engine, taps: false, ...two });
testPlugin(rkd, { engine, options: { flavour: 'gk', cap: 8, schedule: {} }, ...two });
