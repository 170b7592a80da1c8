import { testEngine } from '@kd/testing';
import { wasm } from './engine.js';

testEngine(wasm());
