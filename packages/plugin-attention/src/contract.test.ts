import { tensorflow } from '@kd/engine-tensorflow';
import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { cwd, fbkd, fgd } from './index.js';

const engine = tensorflow();
const teacher = toyDetector({ width: 6 });
const own = { optimizer: { name: 'adamw', lr: 1e-3 }, clipNorm: 0.01 } as const;
const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };

testPlugin(cwd, { engine });
testPlugin(cwd, { engine, teacher, options: { temperature: 4, schedule: { start: 3, warmup: 2 } } });
testPlugin(cwd, { engine, ...two });

testPlugin(fgd, { engine, teacher });
testPlugin(fgd, { engine, options: { ownOptimizer: own, instanceWeights: false, taps: 'neck@p4' } });
testPlugin(fgd, { engine, ...two });

testPlugin(fbkd, { engine, teacher });
testPlugin(fbkd, { engine, options: { ownOptimizer: own, pools: [2] } });
testPlugin(fbkd, { engine, ...two });
