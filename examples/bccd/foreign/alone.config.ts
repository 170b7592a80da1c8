import { defineConfig } from '@kd/core';
import { student, training } from './common.js';

export default defineConfig({ ...training, student });
