import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { prototype } from './index.js';

const engine = await namedEngine();

// The toys' objects are small.
testPlugin(prototype, { engine, options: { minSide: 4 }, twice: false });

// A teacher of another width, the ground truth as instances, and the other form of every loss.
testPlugin(prototype, {
  engine,
  options: {
    minSide: 4,
    count: 2,
    candidates: 'all',
    instances: 'gt',
    select: 'random',
    global: { coefficients: 'pursuit', kind: 'l2', similarity: 10 },
    feature: { adapter: 'conv3x3-relu', levels: 'mean' },
  },
  teacher: toyDetector({ width: 6 }),
  twice: false,
});

// Regions as instances, and what the second stages pool from them.
testPlugin(prototype, {
  engine,
  options: { minSide: 4 },
  student: toyTwoStage(),
  teacher: toyTwoStage({ width: 6 }),
  twice: false,
});
testPlugin(prototype, {
  engine,
  options: { minSide: 4, instances: 'gt', weights: { response: 0 } },
  student: toyTwoStage(),
  twice: false,
});
