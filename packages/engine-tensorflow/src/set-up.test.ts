import { type Progress, runCommand } from '@kd/core/wheels';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { setUpLibrary } from './set-up.js';
import {
  fakeLibrary,
  fakeMachine,
  fakePython,
  namesIn,
  temporaryFolder,
  WHEEL_CONTENT,
} from './testing/fake-machine.js';

const quiet = () => {};

it('keeps the library and nothing of the download, and tells its progress', async () => {
  const machine = fakeMachine();
  const told: Progress[] = [];
  const library = await setUpLibrary(machine, fakePython(), (progress) => told.push(progress));
  expect(library).toMatchObject({
    folder: join(machine.cache, 'tensorflow-cpu-2.19.1', 'tensorflow'),
    version: '2.19.1',
  });
  expect(namesIn(machine.cache)).toEqual(['tensorflow-cpu-2.19.1']);
  expect(namesIn(join(machine.cache, 'tensorflow-cpu-2.19.1'))).toEqual(['set-up.json', 'tensorflow']);
  expect(told.map(({ stage }) => stage)).toEqual(['download', 'unpack']);
});

it('refuses a wheel with another hash and keeps nothing of it', async () => {
  const machine = fakeMachine({
    answers: {
      pip: (args) => (
        writeFileSync(join(args[args.indexOf('--dest') + 1]!, 'fake.whl'), 'something else'),
        { code: 0, stdout: '', stderr: '' }
      ),
    },
  });
  await expect(setUpLibrary(machine, fakePython(), quiet)).rejects.toThrow(
    /fake\.whl is not the file that was pinned: its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}/,
  );
  expect(namesIn(machine.cache)).toEqual([]);
});

it.each([
  ['linux-arm64', ['manylinux_2_17_aarch64', 'manylinux2014_aarch64'], '.so.2'],
  ['darwin-arm64', ['macosx_12_0_arm64'], '.2.dylib'],
])('asks pip for the wheel of %s, and keeps its libraries', async (platform, tags, end) => {
  let asked: readonly string[] = [];
  let kept = '';
  const machine = fakeMachine({
    platform,
    answers: {
      pip: (args) => {
        asked = args.filter((_, i) => args[i - 1] === '--platform');
        writeFileSync(join(args[args.indexOf('--dest') + 1]!, 'fake.whl'), WHEEL_CONTENT);
        return { code: 0, stdout: '', stderr: '' };
      },
      unpack: (args) => {
        kept = args.join(' ');
        fakeLibrary(join(args.at(-1)!, 'tensorflow'), '2.19.1', end);
        return { code: 0, stdout: '', stderr: '' };
      },
    },
  });
  const { files } = await setUpLibrary(machine, fakePython(), quiet);
  expect(asked).toEqual(tags);
  expect(files).toEqual([`libtensorflow_cc${end}`, `libtensorflow_framework${end}`]);
  expect(kept).toContain(String.raw`libtensorflow_(cc|framework)\.(so\.2|2\.dylib)`);
});

it.each([
  ['another platform', { platform: 'win32-x64' }, fakePython(), 'on macOS on arm64 only, this is win32-x64'],
  ['no Python', {}, null, 'Python 3 was not found. Install python3 and pip'],
  ['no pip', {}, fakePython({ pip: null }), 'python3 (3.11.7) has no pip'],
])('says what to install: %s', async (_what, given, python, message) => {
  const machine = fakeMachine(given);
  await expect(setUpLibrary(machine, python, quiet)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    message: expect.stringContaining(message) as string,
  });
  expect(machine.ran).toEqual([]);
});

it('downloads nothing where no compiler could bind it', async () => {
  const machine = fakeMachine({ answers: { compiler: () => ({ code: null, stdout: '', stderr: 'ENOENT' }) } });
  await expect(setUpLibrary(machine, fakePython(), quiet)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    message: expect.stringContaining('there is no C++ compiler. Install one (Debian: apt install g++') as string,
  });
  expect(machine.ran).toEqual(['g++ --version', 'c++ --version', 'clang++ --version']);
  expect(namesIn(machine.cache)).toEqual([]);
});

it('hands on what pip said when there is no network, leaves nothing, and works when tried again', async () => {
  let network = false;
  const machine = fakeMachine({
    answers: {
      pip: (args) => {
        writeFileSync(
          join(args[args.indexOf('--dest') + 1]!, 'fake.whl'),
          WHEEL_CONTENT.slice(0, network ? undefined : 3),
        );
        return network
          ? { code: 0, stdout: '', stderr: '' }
          : { code: 1, stdout: '', stderr: 'ERROR: Could not find a version\nNetwork is unreachable' };
      },
    },
  });
  await expect(setUpLibrary(machine, fakePython(), quiet)).rejects.toThrow(
    /pip could not download tensorflow-cpu==2\.19\.1.*\n.*\nNetwork is unreachable/,
  );
  expect(namesIn(machine.cache)).toEqual([]);
  network = true;
  expect((await setUpLibrary(machine, fakePython(), quiet)).version).toBe('2.19.1');
});

it('downloads once when two set up at the same time', async () => {
  let downloads = 0;
  const machine = fakeMachine({
    answers: {
      pip: async (args) => {
        downloads++;
        await sleep(50);
        writeFileSync(join(args[args.indexOf('--dest') + 1]!, 'fake.whl'), WHEEL_CONTENT);
        return { code: 0, stdout: '', stderr: '' };
      },
    },
  });
  const said: string[] = [];
  const both = await Promise.all(
    [1, 2].map(() => setUpLibrary(machine, fakePython(), ({ message }) => said.push(message), { poll: 5 })),
  );
  expect(both[0]).toEqual(both[1]);
  expect(downloads).toBe(1);
  expect(said).toContain('another process is setting the library up, waiting for it');
});

const python = ['python3', 'python'].find((command) => {
  try {
    return execFileSync(command, ['--version']).length > 0;
  } catch {
    return false;
  }
});

it.skipIf(python === undefined)(
  'takes of a real wheel the libraries, the headers of the C API and the licences (needs Python)',
  async () => {
    const wheel = join(temporaryFolder(), 'real.whl');
    const names = [
      'tensorflow/libtensorflow_cc.so.2',
      'tensorflow/libtensorflow_framework.so.2',
      'tensorflow/include/tensorflow/c/eager/c_api.h',
      'tensorflow/include/xla/tsl/c/tsl_status.h',
      'tensorflow/include/tensorflow/core/public/version.h',
      'tensorflow/include/tsl/platform/ctstring.h',
      'tensorflow/THIRD_PARTY_NOTICES.txt',
      'tensorflow/python/framework/ops.py',
      'tensorflow/include/Eigen/Core',
      'tensorflow/include/tensorflow/core/framework/tensor.h',
    ];
    execFileSync(python!, [
      '-c',
      'import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as z:\n  for n in sys.argv[2:]: z.writestr(n, n)',
      wheel,
      ...names,
    ]);
    const machine = fakeMachine({
      wheels: [
        {
          requirement: 'tensorflow-cpu==2.19.1',
          sha256: createHash('sha256').update(readFileSync(wheel)).digest('hex'),
          bytes: 1,
        },
      ],
      run: (command, args, options) => {
        if (!args.includes('pip')) return runCommand(command, args, options);
        copyFileSync(wheel, join(args[args.indexOf('--dest') + 1]!, 'real.whl'));
        return Promise.resolve({ code: 0, stdout: '', stderr: '' });
      },
    });
    await setUpLibrary(machine, fakePython({ command: python! }), quiet);
    const kept = names.filter((name) => existsSync(join(machine.cache, 'tensorflow-cpu-2.19.1', name)));
    expect(kept).toEqual(names.slice(0, 7));
  },
);
