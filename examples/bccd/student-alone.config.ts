import { defineConfig } from '@kd/core';
import { epochs, student, training } from './common.js';

export default defineConfig({ ...training, student, epochs: epochs.student });
