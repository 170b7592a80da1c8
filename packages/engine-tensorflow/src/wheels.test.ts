import { expect, it } from 'vitest';
import { CPU_WHEELS, CUDA_WHEELS, wheelsFor } from './wheels.js';

it('picks the CUDA wheels with an NVIDIA driver on Linux x86-64, unless told otherwise', () => {
  const cpu = [CPU_WHEELS['linux-x64']!.wheel];
  expect(wheelsFor({}, 'linux-x64', () => false)).toEqual(cpu);
  expect(wheelsFor({}, 'linux-x64', () => true)).toBe(CUDA_WHEELS);
  expect(wheelsFor({ KD_TENSORFLOW_WHEEL: 'cpu' }, 'linux-x64', () => true)).toEqual(cpu);
});

it('has one wheel for arm64, of Linux and of macOS, and none for other platforms', () => {
  for (const platform of ['linux-arm64', 'darwin-arm64'])
    expect(wheelsFor({}, platform, () => true)).toEqual([CPU_WHEELS[platform]!.wheel]);
  for (const platform of ['darwin-x64', 'win32-x64', 'freebsd-x64'])
    expect(wheelsFor({ KD_TENSORFLOW_WHEEL: 'cuda' }, platform)).toEqual([]);
});

it('pins each to its hash', () => {
  for (const { requirement, sha256, bytes } of [
    ...Object.values(CPU_WHEELS).map(({ wheel }) => wheel),
    ...CUDA_WHEELS,
  ]) {
    expect(requirement).toMatch(/^[a-z0-9-]+==[0-9.]+$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(bytes).toBeGreaterThan(1e5);
  }
});
