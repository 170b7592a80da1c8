import { testDetector } from './detector-suite.js';
import { toyDetector } from './toy-detector.js';

testDetector(toyDetector, { options: { size: 32, depth: 2 } });
