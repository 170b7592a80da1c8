import { expect, it } from 'vitest';
import { CPU_WHEELS, CUDA_WHEELS, wheelsFor } from './wheels.js';

it('picks the CUDA wheels with an NVIDIA driver, unless told otherwise', () => {
  expect(wheelsFor({}, () => false)).toBe(CPU_WHEELS);
  expect(wheelsFor({}, () => true)).toBe(CUDA_WHEELS);
  expect(wheelsFor({ KD_TENSORFLOW_WHEEL: 'cpu' }, () => true)).toBe(CPU_WHEELS);
  for (const { requirement, sha256, bytes } of [...CPU_WHEELS, ...CUDA_WHEELS]) {
    expect(requirement).toMatch(/^[a-z0-9-]+==[0-9.]+$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(bytes).toBeGreaterThan(1e5);
  }
});
