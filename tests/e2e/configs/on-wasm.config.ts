import { defineConfig } from '@kd/core';
import onCpu from './on-cpu.config.js';

export default defineConfig({ ...onCpu, engine: 'wasm' });
