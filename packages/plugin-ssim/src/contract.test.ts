import { testPlugin, toyDetector } from '@kd/testing';
import { namedEngine } from '../../../tests/named-engine.js';
import { ssim } from './index.js';

const engine = await namedEngine();

testPlugin(ssim, { engine });

// A teacher of another width, padding left out: the adapter's variables join the optimiser and the state.
testPlugin(ssim, { engine, options: { adapter: 'conv1x1', maskPadding: true }, teacher: toyDetector({ width: 6 }) });
