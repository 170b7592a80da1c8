import { expect, it } from 'vitest';
import type { TensorflowBackend } from '../kernels.js';
import { correctReads } from './reads.js';

const backend = (gpu: boolean) => ({
  binding: {
    isUsingGpuDevice: () => gpu,
    tensorData: async (id: number) => {
      if (id === 3) throw new Error('lost');
      return new Float32Array([id]);
    },
  },
  tensorMap: new Map<object, object>(),
  read: async () => 'at once',
});

it('waits on another thread where the values are on a GPU', async () => {
  const fake = backend(true);
  const [onDevice, notYet, broken] = [{}, {}, {}];
  fake.tensorMap.set(onDevice, { id: 2, values: null });
  fake.tensorMap.set(notYet, { id: null, values: new Float32Array([7]) });
  fake.tensorMap.set(broken, { id: 3, values: null });
  const corrected = correctReads(fake as unknown as TensorflowBackend);
  expect(await corrected.read(onDevice)).toEqual(new Float32Array([2]));
  expect(await corrected.read(notYet)).toEqual(new Float32Array([7]));
  await expect(corrected.read(broken)).rejects.toThrow('lost');
  expect(await correctReads(backend(false) as unknown as TensorflowBackend).read({})).toBe('at once');
});
