import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const examples = fileURLToPath(new URL('../../../examples/bccd/', import.meta.url));

/**
 * Detectors that were trained on BCCD, one of every kind. Those in `trained` saw it for a hundred steps and less, at
 * width 8 ([how](trained/train.config.ts)): enough to find blood cells.
 */
export const TRAINED = {
  retinanet: join(examples, 'dense/retinanet-teacher.safetensors'),
  fcos: join(examples, 'dense/fcos-teacher.safetensors'),
  atss: fileURLToPath(new URL('trained/atss.safetensors', import.meta.url)),
  gfl: join(examples, 'dense/gfl-teacher.safetensors'),
  'faster-rcnn': join(examples, 'prototype/faster-rcnn-teacher.safetensors'),
  'cascade-rcnn': fileURLToPath(new URL('trained/cascade-rcnn.safetensors', import.meta.url)),
};
