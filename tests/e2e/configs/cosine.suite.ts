// The tests of docs/writing-a-plugin.md, as they stand there.
import { testPlugin, toyDetector } from '@kd/testing';
import { cosine } from './cosine.js';

testPlugin(cosine, { options: { schedule: { warmup: 10 } } });
testPlugin(cosine, { options: { adapter: 'conv1x1' }, teacher: toyDetector({ width: 6 }) });
