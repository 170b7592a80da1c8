import { expect, it } from 'vitest';
import { cacheFolder } from './cache.js';
import { runCommand } from './commands.js';
import { progressLines } from './progress.js';
import { findPython } from './python.js';
import { CPU_WHEELS, CUDA_WHEELS, wheelsFor } from './wheels.js';

it('keeps its cache where the user says, else where XDG says', () => {
  expect(cacheFolder({ KD_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a/engine-tensorflow');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/kd/engine-tensorflow');
  expect(cacheFolder({})).toMatch(/\.cache\/kd\/engine-tensorflow$/);
});

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

it('prefers the activated environment to the python of the PATH, and says null without one', async () => {
  const asked: string[] = [];
  const run = async (command: string) => (
    asked.push(command),
    {
      code: command === 'python3' ? 0 : null,
      stdout: 'noise\n{"version":"3.11.7","tensorflow":null,"pip":"23.2.1"}\n',
      stderr: '',
    }
  );
  expect(await findPython({ VIRTUAL_ENV: '/venv' }, run)).toEqual({
    command: 'python3',
    version: '3.11.7',
    tensorflow: null,
    pip: '23.2.1',
  });
  expect(asked).toEqual(['/venv/bin/python', 'python3']);
  expect(await findPython({ KD_PYTHON: '/not/there' }, runCommand)).toBeNull();
});

it('says a line for each tenth of a download, not for each report', () => {
  const lines: string[] = [];
  const tell = progressLines((line) => lines.push(line));
  for (let done = 0; done <= 100; done++)
    tell({ stage: 'download', message: 'downloading x', done: done * 1e6, total: 100e6 });
  tell({ stage: 'compile', message: 'compiling' });
  expect(lines).toHaveLength(12);
  expect(lines.slice(-2)).toEqual(['[tensorflow] downloading x: 100 MB of 100 MB', '[tensorflow] compiling']);
});
