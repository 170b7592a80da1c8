import { cpuEngine } from '@kd/testing';
import { expect, it } from 'vitest';
import type { DeviceClock } from '../contract/engine.js';
import { of, run } from '../../test/toy-run.js';
import { taughtToMimic } from '../../test/taught.js';

const { distilled } = taughtToMimic();

it('tells of the first steps which part took how long, and changes nothing of the training', async () => {
  const plain = await run(distilled({ epochs: 2 }));
  const profiled = await run(distilled({ epochs: 2 }), { profile: { steps: 5 } });
  const terms = ({ events }: typeof plain): unknown => of(events, 'log').map(({ terms }) => terms);
  expect(terms(profiled)).toEqual(terms(plain));
  expect(of(plain.events, 'profile')).toEqual([]);

  const [{ profile }, ...more] = of(profiled.events, 'profile') as [ReturnType<typeof of<'profile'>>[number]];
  expect(more).toEqual([]);
  expect(profile.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
  expect(profile.parts.map(({ part }) => part).toSorted()).toEqual([
    'assignment',
    'backward',
    'batch to the device',
    'detection losses',
    'mimic',
    'optimiser',
    'student forward',
    'teacher',
    'the rest',
    'waiting for data',
  ]);
  expect(profile.spans.filter(({ part }) => part === 'mimic').map(({ name }) => name)).toContain('mimic.lossCompose');
  for (const { start, end } of profile.spans) expect(start).toBeLessThanOrEqual(end);
});

it('waits after each step for a device that computes later than it is asked, and tells what that took of its time', async () => {
  let paced = 0;
  const engine = {
    ...cpuEngine(),
    start: async () => ({ ...(await cpuEngine().start()), device: 'gpu' as const }),
    keepPace: async () => void paced++,
    timeDevice: (): DeviceClock => {
      const times = new Map<string, number>();
      return { enter: (part) => void times.set(part, 1), stop: () => Promise.resolve(times) };
    },
  };
  const { events } = await run(distilled({ epochs: 1, engine }), { profile: { steps: 3 } });
  expect(paced).toBe(4);
  const [{ profile }] = of(events, 'profile') as [ReturnType<typeof of<'profile'>>[number]];
  expect(profile.parts.map(({ part }) => part)).toContain('waiting for the device');
  for (const { part, deviceMilliseconds } of profile.parts) expect(deviceMilliseconds, part).toBe(1);
  expect(profile.deviceMilliseconds).toBe(profile.parts.length);
});

it('tells of a shorter training what there was', async () => {
  const { events } = await run(distilled({ epochs: 1 }), { profile: { steps: 50 } });
  const [{ profile }] = of(events, 'profile') as [ReturnType<typeof of<'profile'>>[number]];
  expect(profile.steps).toHaveLength(4);
});
