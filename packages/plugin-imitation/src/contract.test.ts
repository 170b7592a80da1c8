import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { defeat, fgfi, fitnets } from './index.js';

const engine = await namedEngine();
const wide = toyDetector({ width: 6 });

testPlugin(fitnets, {
  engine,
  options: { adapter: 'conv1x1-bn-relu', unitLength: true, divide: 'images', taps: ['backbone.stem', 'neck@p4'] },
  teacher: wide,
});

testPlugin(fgfi, { engine, options: { variant: 'original', schedule: {}, taps: 'neck@p3' }, teacher: wide });

testPlugin(defeat, { engine, teacher: wide });

const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };
testPlugin(defeat, { engine, options: { head: {} }, ...two });
testPlugin(fgfi, { engine, ...two, options: { finest: 8 } });
