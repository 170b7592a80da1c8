import * as core from '@kd/core';
import * as data from '@kd/data';
import { wasm } from '@kd/engine-wasm';
import { webgpu } from '@kd/engine-webgpu';
import * as weights from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import { distil } from './distil.js';
import { ENGINES } from './engines.js';

// What the test calls.
Object.assign(globalThis, { core, data, distil, ENGINES, tf, wasm, webgpu, weights });
