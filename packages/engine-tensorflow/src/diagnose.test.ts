import { join } from 'node:path';
import { expect, it } from 'vitest';
import { diagnose } from './diagnose.js';
import { install } from './install.js';
import { fakeLibrary, fakeMachine, fakePython, namesIn, temporaryFolder } from './testing/fake-machine.js';

it('on a fresh machine tells what a set-up would download, and downloads nothing', async () => {
  const machine = fakeMachine();
  const found = await diagnose({}, machine);
  expect(found).toMatchObject({
    usable: true,
    ready: false,
    uses: null,
    wouldDownload: { what: ['tensorflow-cpu==2.19.1'], to: join(machine.cache, 'tensorflow-cpu-2.19.1') },
    compiler: { command: 'g++', version: 'g++ 12.2.0' },
  });
  expect(found.places.map(({ source }) => source)).toEqual(['python', 'cache', 'tfjs-node']);
  expect(found.advice).toEqual([expect.stringContaining('Run `kd engine install`')]);
  expect(machine.ran).toEqual(['g++ --version']);
  expect(namesIn(machine.cache)).toEqual([]);
});

it('is ready after an install, and says which library is used and why', async () => {
  const machine = fakeMachine();
  await install({ onProgress: () => {} }, machine);
  const found = await diagnose({}, machine);
  expect(found).toMatchObject({
    usable: true,
    ready: true,
    uses: { source: 'cache', why: 'libtensorflow 2.19.1' },
    wouldDownload: null,
    binding: { compiled: true },
    advice: [],
  });
});

it('advises one thing for each thing missing', async () => {
  const bare = fakeMachine({
    python: async () => null,
    answers: { compiler: () => ({ code: null, stdout: '', stderr: '' }) },
  });
  const found = await diagnose({}, bare);
  expect(found.usable).toBe(false);
  expect(found.advice).toEqual([
    expect.stringContaining('Install Python 3 and pip'),
    expect.stringContaining('Install a C++ compiler'),
  ]);
  expect((await diagnose({}, fakeMachine({ platform: 'win32-x64' }))).advice[0]).toContain(
    'on macOS on arm64 only, this is win32-x64',
  );
  const mac = await diagnose({}, fakeMachine({ platform: 'darwin-arm64' }));
  expect([mac.usable, mac.advice[0]]).toEqual([true, expect.stringContaining('kd engine install')]);
  expect((await diagnose({ library: '/nowhere' }, fakeMachine())).advice[0]).toContain('/nowhere does not exist');
});

it('prefers the Python environment to the cache', async () => {
  const machine = fakeMachine({
    python: async () => fakePython({ tensorflow: fakeLibrary(temporaryFolder(), '2.21.0') }),
  });
  fakeLibrary(join(machine.cache, 'tensorflow-cpu-2.19.1', 'tensorflow'));
  expect((await diagnose({}, machine)).uses).toMatchObject({ source: 'python', found: { version: '2.21.0' } });
});
