import { defineConfig } from '@kd/core';
import { type Kind, teacher, training } from './models.js';

/** KD_KIND: retinanet or faster-rcnn. */
export default defineConfig({
  ...training,
  student: teacher((process.env.KD_KIND ?? 'retinanet') as Kind),
  epochs: 16,
});
