import type { Progress } from '@kd/core/wheels';
import { chmodSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { diagnose } from './diagnose.js';
import { install } from './install.js';
import {
  fakeLibrary,
  type FakeMachine,
  fakeMachine,
  fakePython,
  namesIn,
  temporaryFolder,
} from './testing/fake-machine.js';

const set = (machine: FakeMachine): string => join(machine.cache, 'tensorflow-cpu-2.19.1');
const so = (machine: FakeMachine): string => join(set(machine), 'tensorflow', 'libtensorflow_framework.so.2');
const header = (machine: FakeMachine): string =>
  join(set(machine), 'tensorflow', 'include', 'tensorflow', 'core', 'public', 'version.h');
const listOf = (folder: string): { files: Record<string, { mtimeMs: number; sha256: string }> } =>
  JSON.parse(readFileSync(join(folder, 'set-up.json'), 'utf8')) as never;

const start = async (machine: FakeMachine, force = false): Promise<{ binding: string; told: Progress[] }> => {
  const told: Progress[] = [];
  const { binding } = await install({ onProgress: (progress) => told.push(progress), force }, machine);
  return { binding, told };
};

/** Writes other bytes of the same length, and puts the time back, as a failing disk does. */
const rot = (file: string): void => {
  const { atime, mtime } = statSync(file);
  const bytes = readFileSync(file);
  bytes[0]! ^= 1;
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
};

it('keeps size, time and hash of every file, of the library and of the binding', async () => {
  const machine = fakeMachine();
  const { binding } = await start(machine);
  expect(Object.keys(listOf(set(machine)).files).sort()).toEqual([
    'tensorflow/include/tensorflow/c/eager/c_api.h',
    'tensorflow/include/tensorflow/core/public/version.h',
    'tensorflow/libtensorflow_cc.so.2',
    'tensorflow/libtensorflow_framework.so.2',
  ]);
  expect(listOf(set(machine)).files['tensorflow/libtensorflow_cc.so.2']).toMatchObject({
    size: 6,
    // printf 2.19.1 | sha256sum
    sha256: 'c34879fd1e8d68b7b45a1fc4e306dbf2ee68527da98c8599961cbfd46940a581',
  });
  expect(Object.keys(listOf(join(binding, '..')).files)).toEqual(['kd_tensorflow.node']);
  expect((await start(machine)).told).toEqual([]);
});

it.each<[string, (file: string) => void, string]>([
  ['cut short', (file) => writeFileSync(file, '2.19'), 'libtensorflow_framework.so.2 has 4 bytes, and had 6'],
  ['gone', (file) => rmSync(file), 'holds no libtensorflow_cc.so.2'],
  ['other bytes', (file) => writeFileSync(file, '2.19.2'), 'libtensorflow_framework.so.2 holds other bytes'],
])('refuses a library whose file is %s, says what to do, and that works', async (_, harm, fault) => {
  const machine = fakeMachine();
  await start(machine);
  harm(so(machine));
  await expect(start(machine)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    message: expect.stringMatching(
      new RegExp(`is not as it was set up: .*${fault}.* Set it up anew: kd engine install --force$`),
    ) as string,
  });
  const found = await diagnose({}, machine);
  expect([found.usable, found.ready]).toEqual([false, false]);
  expect(found.advice).toEqual([expect.stringContaining('Set it up anew: kd engine install --force')]);
  await start(machine, true);
  expect(readFileSync(so(machine), 'utf8')).toBe('2.19.1');
  expect((await diagnose({}, machine)).advice).toEqual([]);
  expect(namesIn(machine.cache).filter((name) => !name.startsWith('binding-'))).toEqual(['tensorflow-cpu-2.19.1']);
});

it('sees headers, too', async () => {
  const machine = fakeMachine();
  await start(machine);
  writeFileSync(header(machine), readFileSync(header(machine), 'utf8').replace('19', '18'));
  await expect(start(machine)).rejects.toThrow('tensorflow/include/tensorflow/core/public/version.h holds other bytes');
});

it('finds bytes that changed without size or time by kd doctor, which looks at every hash', async () => {
  const machine = fakeMachine();
  await start(machine);
  utimesSync(so(machine), 1, 1); // A whole second, which can be put back exactly.
  const { binding } = await start(machine);
  rot(so(machine));
  expect((await start(machine)).binding).toBe(binding);
  expect((await diagnose({}, machine)).hashes).toEqual({
    compared: 5,
    damage: [expect.stringContaining('tensorflow/libtensorflow_framework.so.2 holds other bytes')],
  });
});

it.each<[string, (file: string) => void, string]>([
  ['other bytes', (file) => writeFileSync(file, 'COMPILED'), 'kd_tensorflow.node holds other bytes'],
  ['gone', (file) => rmSync(file), 'kd_tensorflow.node is gone'],
])('refuses a binding that is damaged (%s), and compiles it anew when told to', async (_, harm, fault) => {
  const machine = fakeMachine();
  const { binding } = await start(machine);
  harm(binding);
  await expect(start(machine)).rejects.toThrow(`${fault}. It was not loaded. Set it up anew`);
  expect((await diagnose({}, machine)).advice).toEqual([expect.stringContaining(fault)]);
  await start(machine, true);
  expect((await diagnose({}, machine)).ready).toBe(true);
});

it('takes files whose time alone changed for the same, once by their hash', async () => {
  const machine = fakeMachine();
  await start(machine);
  utimesSync(header(machine), new Date(0), new Date(0));
  expect((await start(machine)).told).toEqual([]);
  expect(listOf(set(machine)).files['tensorflow/include/tensorflow/core/public/version.h']!.mtimeMs).toBe(0);
});

it('gives a cache of an earlier version its list, and says so once', async () => {
  const machine = fakeMachine();
  const { binding } = await start(machine);
  const list = listOf(set(machine));
  rmSync(join(set(machine), 'set-up.json'));
  rmSync(join(binding, '..', 'set-up.json'));
  expect((await diagnose({}, machine)).hashes).toEqual({ compared: 0, damage: [] });
  expect((await start(machine)).told).toEqual(
    [set(machine), join(binding, '..')].map((folder) => ({
      stage: 'check',
      message: `${folder} was set up before hashes were kept; they are kept from now on, of its files as they are`,
    })),
  );
  expect(listOf(set(machine))).toEqual(list);
  expect((await start(machine)).told).toEqual([]);
});

it.each(['{"version":1,"fil', '{"version":1,"files":{"a":1}}', '[]', 'null'])('refuses the list %s', async (text) => {
  const machine = fakeMachine();
  await start(machine);
  writeFileSync(join(set(machine), 'set-up.json'), text);
  await expect(start(machine)).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    message: expect.stringContaining('set-up.json, the list of its hashes, ') as string,
  });
});

it('leaves a library alone that the user brought', async () => {
  const folder = fakeLibrary(temporaryFolder());
  const machine = fakeMachine({ python: async () => fakePython({ tensorflow: folder }) });
  await start(machine);
  writeFileSync(join(folder, 'libtensorflow_cc.so.2'), 'of the user');
  await start(machine, true);
  expect(namesIn(folder)).not.toContain('set-up.json');
  expect(machine.ran).not.toContain('pip');
});

it('keeps what is there when --force cannot download', async () => {
  const machine = fakeMachine();
  await start(machine);
  const offline = fakeMachine({
    cache: machine.cache,
    answers: { pip: () => ({ code: 1, stdout: '', stderr: 'Network is unreachable' }) },
  });
  await expect(start(offline, true)).rejects.toThrow('Network is unreachable');
  expect((await diagnose({}, machine)).ready).toBe(true);
});

it.skipIf(process.getuid?.() === 0)('goes on with a cache that it may only read (not as root)', async () => {
  const machine = fakeMachine();
  await start(machine);
  rmSync(join(set(machine), 'set-up.json'));
  chmodSync(set(machine), 0o555);
  expect((await start(machine)).told.at(-1)?.message).toContain('could not be kept, and are made again next time');
});
