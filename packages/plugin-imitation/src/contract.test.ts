import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { defeat, fgfi, fitnets } from './index.js';

const wide = toyDetector({ width: 6 });

testPlugin(fitnets, { teacher: wide });
testPlugin(fitnets, {
  options: { adapter: 'conv1x1-bn-relu', unitLength: true, divide: 'images', taps: ['backbone.stem', 'neck@p4'] },
  teacher: wide,
});

testPlugin(fgfi, { teacher: wide });
testPlugin(fgfi, { options: { variant: 'original', schedule: {}, taps: 'neck@p3' }, teacher: wide });

testPlugin(defeat, { teacher: wide });

const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };
testPlugin(defeat, { options: { head: {} }, ...two });
testPlugin(fgfi, { ...two, options: { finest: 8 } });
