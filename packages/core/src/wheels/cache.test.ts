import { expect, it } from 'vitest';
import { cacheFolder } from './cache.js';

it('keeps its cache where the user says, else where XDG says', () => {
  expect(cacheFolder({ KD_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'weights')).toBe('/a/weights');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' }, 'weights')).toBe('/b/kd/weights');
  expect(cacheFolder({}, 'weights')).toMatch(/\.cache\/kd\/weights$/);
});
