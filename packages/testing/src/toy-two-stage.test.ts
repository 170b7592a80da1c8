import { testDetector } from './detector-suite.js';
import { toyTwoStage } from './toy-two-stage.js';

testDetector(toyTwoStage);
