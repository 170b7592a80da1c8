import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findOrSetUp } from './find-library.js';
import { fakeLibrary, fakeMachine, fakePython, temporaryFolder } from './testing/fake-machine.js';

const quiet = () => {};

it('takes the explicit folder before all others, from the option before the environment', async () => {
  const [option, variable, python] = [1, 2, 3].map(() => fakeLibrary(temporaryFolder())) as [string, string, string];
  const machine = fakeMachine({
    env: { KD_TENSORFLOW: variable },
    python: async () => fakePython({ tensorflow: python }),
  });
  expect((await findOrSetUp(option, machine, quiet)).folder).toBe(option);
  expect((await findOrSetUp(undefined, machine, quiet)).folder).toBe(variable);
});

it('says so when the explicit folder holds no library, and looks nowhere else', async () => {
  const machine = fakeMachine({
    env: { KD_TENSORFLOW: '/nowhere' },
    python: async () => fakePython({ tensorflow: fakeLibrary(temporaryFolder()) }),
  });
  await expect(findOrSetUp(undefined, machine, quiet)).rejects.toThrow(
    'no libtensorflow where KD_TENSORFLOW points: /nowhere does not exist',
  );
});

it('takes the library of the Python environment before the cache, and sets nothing up', async () => {
  const python = fakeLibrary(temporaryFolder(), '2.21.0');
  const machine = fakeMachine({ python: async () => fakePython({ tensorflow: python }) });
  fakeLibrary(join(machine.cache, 'tensorflow-cpu-2.19.1', 'tensorflow'));
  expect(await findOrSetUp(undefined, machine, quiet)).toMatchObject({ folder: python, version: '2.21.0' });
  expect(machine.ran).toEqual([]);
});

it('passes over a Python environment whose TensorFlow is too old to carry the library', async () => {
  const old = temporaryFolder();
  mkdirSync(join(old, 'include'));
  const machine = fakeMachine({ python: async () => fakePython({ tensorflow: old }) });
  const cached = fakeLibrary(join(machine.cache, 'tensorflow-cpu-2.19.1', 'tensorflow'));
  expect((await findOrSetUp(undefined, machine, quiet)).folder).toBe(cached);
});

it('sets a library up when there is none, and finds it in the cache from then on', async () => {
  const machine = fakeMachine();
  const first = await findOrSetUp(undefined, machine, quiet);
  expect(machine.ran).toEqual(['g++ --version', 'pip', 'unpack']);
  expect(await findOrSetUp(undefined, machine, quiet)).toEqual(first);
  expect(machine.ran).toEqual(['g++ --version', 'pip', 'unpack']);
});
