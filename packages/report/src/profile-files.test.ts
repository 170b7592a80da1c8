import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Profile, TrainerEvent } from '@kd/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { profileFiles } from './profile-files.js';
import { profileLines } from './profile-lines.js';

let folder = '';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'kd-profile-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const profile: Profile = {
  steps: [
    { step: 1, start: 0, end: 50, peakMemory: null, tensors: 9 },
    { step: 2, start: 60, end: 80.0004, peakMemory: 300 * 2 ** 20, tensors: 12 },
  ],
  warmUp: 1,
  milliseconds: 20.0004,
  peakMemory: 300 * 2 ** 20,
  parts: [
    { part: 'teacher', milliseconds: 15, share: 0.75 },
    { part: 'ssim', milliseconds: 5.0004, share: 0.25 },
  ],
  spans: [
    { part: 'teacher', name: 'teacher', start: 62, end: 77 },
    { part: 'ssim', name: 'ssim.lossCompose', start: 60, end: 80.0004 },
  ],
};

test('a trace of complete events, whose times nest, and counters', async () => {
  const listener = profileFiles();
  await listener.on({ type: 'start', run: { folder } } as TrainerEvent);
  const ops = [{ part: 'teacher', name: 'Conv2D', start: 63, end: 70, lane: 1 }];
  await listener.on({ type: 'profile', profile: { ...profile, spans: [...profile.spans, ...ops] } });
  const trace = JSON.parse(await readFile(join(folder, 'trace.json'), 'utf8')) as {
    displayTimeUnit: string;
    traceEvents: {
      name: string;
      ph: string;
      ts: number;
      dur: number;
      cat: string;
      pid: number;
      tid: number;
      args: object;
    }[];
  };
  expect(trace.displayTimeUnit).toBe('ms');
  const lanes = trace.traceEvents.splice(2, 2);
  expect(lanes).toMatchObject([2, 3].map((tid) => ({ pid: 1, tid, ph: 'M', name: 'thread_name' })));
  for (const { pid, tid, name } of trace.traceEvents) expect([pid, tid]).toEqual([1, name === 'Conv2D' ? 3 : 1]);
  const of = (ph: string) => trace.traceEvents.filter((event) => event.ph === ph);
  expect(of('M').map(({ name, args }) => [name, args])).toEqual([
    ['process_name', { name: 'kd train' }],
    ['thread_name', { name: 'training' }],
  ]);
  expect(of('X').map(({ name, cat, ts, dur }) => [name, cat, ts, dur])).toEqual([
    ['step 1', 'step', 0, 50_000],
    ['step 2', 'step', 60_000, 20_000],
    ['teacher', 'teacher', 62_000, 15_000],
    ['ssim.lossCompose', 'ssim', 60_000, 20_000],
    ['Conv2D', 'teacher', 63_000, 7_000],
  ]);
  expect(of('C').map(({ name, ts, args }) => [name, ts, args])).toEqual([
    ['tensors', 50_000, { live: 9 }],
    ['tensors', 80_000, { live: 12 }],
    ['memory', 80_000, { 'peak MiB': 300 }],
  ]);
  const figures = JSON.parse(await readFile(join(folder, 'profile.json'), 'utf8')) as Profile;
  const { spans: _, ...rest } = profile;
  expect(figures).toEqual(rest);
});

test('the table of a person', () => {
  expect(profileLines(profile)).toEqual([
    'step 2: 20.0 ms each, at most 300 MiB resident',
    '  part       ms  share',
    '  teacher  15.0   75 %',
    '  ssim      5.0   25 %',
  ]);
  const onDevice = profileLines({
    ...profile,
    deviceMilliseconds: 18.24,
    parts: profile.parts.map((one, i) => ({ ...one, deviceMilliseconds: [0.04, 18.2][i]! })),
  });
  expect(onDevice.slice(1, -1)).toEqual([
    '  part       ms  share  on the device, ms',
    '  teacher  15.0   75 %                0.0',
    '  ssim      5.0   25 %               18.2',
  ]);
  expect(onDevice.at(-1)).toMatch(/^ {2}The device computes for 18\.2 ms of a step,/);
  const noClock = profileLines({ ...profile, deviceMilliseconds: null });
  expect(noClock.slice(0, -1)).toEqual(profileLines(profile));
  expect(noClock.at(-1)).toContain('no clock that the engine reads');
  const compiled = { ...profile, parts: [{ part: 'compiled step', milliseconds: 20, share: 1 }] };
  expect(profileLines(compiled).at(-1)).toContain('--set compile=false');
  const [span] = profile.spans;
  expect(profileLines({ ...compiled, spans: [{ ...span!, lane: 0 }] }).at(-1)).toContain('share the time');
});
