import { createRng } from '@kd/core';
import { chosenRows } from './chosen.js';
import { oneSpace } from './one-space.js';
import { selectSettings } from './settings.js';
import type { Selector } from './types.js';

/** For comparison: instances by the lot, fixed by the seed. The filter of candidates is not used. */
export const selectRandom: Selector = async (features, options) => {
  const settings = selectSettings(options);
  const { usable } = oneSpace(features, 'teacher', settings);
  const rows = createRng(settings.seed, 'random prototypes')
    .shuffle([...usable])
    .slice(0, settings.count);
  return chosenRows(features, rows, usable, settings);
};
