import { defineConfig } from '@kd/core';
import { type Kind, teacher, training } from './models.js';

const kind = (process.env.KD_KIND ?? 'gfl') as Kind;

/** KD_KIND: gfl, fcos or retinanet. */
export default defineConfig({ ...training, student: teacher(kind), epochs: kind === 'gfl' ? 40 : 16 });
