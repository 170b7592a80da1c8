import { tensorflow } from '@kd/engine-tensorflow';
import { testPlugin, toyDetector } from '@kd/testing';
import { pkd } from './index.js';

const engine = tensorflow();

testPlugin(pkd, { engine });

// A teacher of another width: the adapter's variables join the optimiser and the state.
testPlugin(pkd, { engine, options: { adapter: 'conv1x1' }, teacher: toyDetector({ width: 6 }) });
