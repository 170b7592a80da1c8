import { defineConfig } from '@kd/core';
import { type Kind, teacher, training } from './models.js';

/** KD_KIND: gfl, fcos or retinanet. */
export default defineConfig({ ...training, student: teacher((process.env.KD_KIND ?? 'gfl') as Kind), epochs: 40 });
