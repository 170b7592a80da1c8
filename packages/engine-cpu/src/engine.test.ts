import { testEngine } from '@kd/testing';
import { cpu } from './engine.js';

// Its sum of segments wants at least one.
testEngine(cpu(), { refuses: [/^nothing in, nothing out \(4\)/] });
