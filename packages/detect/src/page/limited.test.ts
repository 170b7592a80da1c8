import { expect, it } from 'vitest';
import { limited } from './limited.js';

it('gives what work gives, its error, or an error of its own where it takes too long', async () => {
  await expect(limited(Promise.resolve('found'), 60)).resolves.toBe('found');
  await expect(limited(Promise.reject(new Error('refused')), 60)).rejects.toThrow('refused');
  await expect(limited(new Promise(() => {}), 0.01)).rejects.toThrow('it has not answered within 0.01 s.');
});
