import { defineConfig } from '@kd/core';
import { tiny } from './tiny.js';

export default defineConfig(tiny);
