import { testPlugin, toyDetector } from '@kd/testing';
import { pkd } from './index.js';

testPlugin(pkd);

// A teacher of another width: the adapter's variables join the optimiser and the state.
testPlugin(pkd, { options: { adapter: 'conv1x1' }, teacher: toyDetector({ width: 6 }) });
