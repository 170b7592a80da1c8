import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { frs, pfi } from './index.js';

const engine = await namedEngine();
const wide = toyDetector({ width: 6 });
const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };

testPlugin(pfi, { engine, teacher: wide });
testPlugin(pfi, { engine, options: { form: 'squared', adapter: 'none', taps: 'neck@p4' } });
testPlugin(pfi, { engine, ...two });

testPlugin(frs, { engine, teacher: wide, options: { schedule: {} } });
testPlugin(frs, { engine, ...two });
