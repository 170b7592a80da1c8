import { testPlugin, toyDetector, toyTwoStage } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { crosskd } from './index.js';

const engine = await namedEngine();

// A detector that knows nothing of this method: its staged head and its dense info are all that is needed.
testPlugin(crosskd, { engine });

// Another width and depth, read by both: the adapters' variables join the optimiser and the state.
testPlugin(crosskd, {
  engine,
  options: { i: 1, adapter: 'conv1x1', perLevel: true },
  student: toyDetector({ depth: 2 }),
  teacher: toyDetector({ width: 6, depth: 3 }),
});

testPlugin(crosskd, {
  engine,
  options: { i: 0 },
  student: toyDetector({ depth: 2 }),
  teacher: toyDetector({ depth: 2 }),
});

// A second stage, which is handed the regions of the step and taps nothing.
testPlugin(crosskd, { engine, taps: false, student: toyTwoStage(), teacher: toyTwoStage() });
