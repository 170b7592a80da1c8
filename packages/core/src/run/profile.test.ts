import { expect, it } from 'vitest';
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

it('tells of a shorter training what there was', async () => {
  const { events } = await run(distilled({ epochs: 1 }), { profile: { steps: 50 } });
  const [{ profile }] = of(events, 'profile') as [ReturnType<typeof of<'profile'>>[number]];
  expect(profile.steps).toHaveLength(4);
});
