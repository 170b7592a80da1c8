import { cpuEngine } from './cpu-engine.js';
import { testEngine } from './engine-suite.js';

// Its sum of segments wants at least one.
testEngine(cpuEngine(), { refuses: [/^nothing in, nothing out \(4\)/] });
