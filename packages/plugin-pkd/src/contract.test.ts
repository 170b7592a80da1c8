import { testPlugin, toyDetector } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { pkd } from './index.js';

const engine = await namedEngine();

testPlugin(pkd, { engine });

// A teacher of another width: the adapter's variables join the optimiser and the state.
testPlugin(pkd, { engine, options: { adapter: 'conv1x1' }, teacher: toyDetector({ width: 6 }) });
