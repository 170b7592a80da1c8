import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { kd, rkd } from './index.js';

testPlugin(kd, { taps: false });
testPlugin(kd, { taps: false, options: { loss: 'softmax' } });
testPlugin(kd, { taps: false, options: { loss: 'sigmoid', temperature: 2, on: 'positives' } });

testPlugin(rkd);
testPlugin(rkd, { options: { unitLength: true, cap: 8 }, teacher: toyDetector({ width: 6 }) });
testPlugin(rkd, { options: { flavour: 'gk', cap: 8 }, teacher: toyDetector({ width: 6 }) });

const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };
testPlugin(kd, { taps: false, ...two });
testPlugin(rkd, { taps: false, ...two });
testPlugin(rkd, { options: { flavour: 'gk', cap: 8, schedule: {} }, ...two });
