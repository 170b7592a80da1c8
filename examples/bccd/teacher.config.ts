import { defineConfig } from '@kd/core';
import { epochs, teacher, training } from './common.js';

export default defineConfig({ ...training, student: teacher, epochs: epochs.teacher });
