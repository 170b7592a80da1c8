import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Detector, loadModel } from '@kd/core';
import { DEFAULT_MAX_PIXELS, type HostImage, readImage } from '@kd/data';
import { safetensorsFormat } from '@kd/weights';
import { TRAINED } from './trained-models.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const data = process.env['KD_BCCD_MINI'] ?? join(root, '../shared/datasets/bccd-mini');

/** Photos; none where the data set is not here. */
export const REAL_FILES = existsSync(data)
  ? readdirSync(join(data, 'JPEGImages'))
      .sort()
      .slice(0, 3)
      .map((name) => join(data, 'JPEGImages', name))
  : [];

export const readReal = (file: string): Promise<HostImage> =>
  readImage(file, { declared: null, maxPixels: DEFAULT_MAX_PIXELS });

export const trainedDetector = async (name: keyof typeof TRAINED): Promise<Detector> =>
  (await loadModel(TRAINED[name], { format: safetensorsFormat, folder: join(root, 'packages/export'), context: {} }))
    .detector;
