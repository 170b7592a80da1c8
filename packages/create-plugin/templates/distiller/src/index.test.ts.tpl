import { testPlugin, toyDetector } from '@kd/testing';
import { {{camel}} } from './index.js';

testPlugin({{camel}}, { options: { schedule: { warmup: 10 } } });
testPlugin({{camel}}, { options: { adapter: 'conv1x1' }, teacher: toyDetector({ width: 6 }) });
