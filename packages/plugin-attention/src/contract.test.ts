import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { cwd, fbkd, fgd } from './index.js';

const engine = await namedEngine();
const teacher = toyDetector({ width: 6 });
const own = { optimizer: { name: 'adamw', lr: 1e-3 }, clipNorm: 0.01 } as const;
const two = { student: toyTwoStage(), teacher: toyTwoStage({ width: 6 }) };

// Of two stages with the options that are not the defaults: each detector and each option once.
testPlugin(cwd, { engine, teacher });
testPlugin(cwd, { engine, ...two, options: { temperature: 4, schedule: { start: 3, warmup: 2 } } });

testPlugin(fgd, { engine, teacher });
testPlugin(fgd, { engine, ...two, options: { ownOptimizer: own, instanceWeights: false, taps: 'neck@p4' } });

testPlugin(fbkd, { engine, teacher });
testPlugin(fbkd, { engine, ...two, options: { ownOptimizer: own, pools: [2] } });
