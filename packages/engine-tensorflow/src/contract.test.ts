import { testEngine } from '@kd/testing';
import { tensorflow } from './engine.js';

testEngine(tensorflow());
