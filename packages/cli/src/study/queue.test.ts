import { expect, test } from 'vitest';
import { type Outcome, runQueue } from './queue.js';

const run = (name: string, ...needs: string[]) => ({ name, needs });
const done: Outcome = { state: 'done' };
const states = (outcomes: ReadonlyMap<string, Outcome>): Record<string, string> =>
  Object.fromEntries([...outcomes].map(([name, { state }]) => [name, state]));

/** A runner whose runs end when they are told to. */
function runner() {
  const ends = new Map<string, (outcome: Outcome) => void>();
  const started: string[] = [];
  return {
    started,
    start: ({ name }: { name: string }) =>
      new Promise<Outcome>((end) => {
        started.push(name);
        ends.set(name, end);
      }),
    end: async (name: string, outcome: Outcome = done) => {
      ends.get(name)!(outcome);
      await new Promise(setImmediate);
    },
  };
}

test('so many at once, in their order, each after those that it needs', async () => {
  const { started, start, end } = runner();
  const runs = [run('teacher'), run('alone'), run('taught', 'teacher'), run('more', 'taught')];
  const result = runQueue(runs, { jobs: 2, signal: new AbortController().signal, start });
  expect(started).toEqual(['teacher', 'alone']);
  await end('alone');
  // One place is free, and nothing that may take it.
  expect(started).toEqual(['teacher', 'alone']);
  await end('teacher');
  expect(started).toEqual(['teacher', 'alone', 'taught']);
  await end('taught');
  await end('more');
  expect(states(await result)).toEqual({ alone: 'done', teacher: 'done', taught: 'done', more: 'done' });
});

test('a run that fails takes those with it that need it, and no other; one that throws has failed', async () => {
  const outcomes = await runQueue([run('a'), run('b', 'a'), run('c', 'b'), run('d'), run('e')], {
    jobs: 1,
    signal: new AbortController().signal,
    start: async ({ name }) => {
      if (name === 'd') throw new Error('no fork');
      return name === 'a' ? { state: 'failed', why: 'out of memory' } : done;
    },
  });
  expect(Object.fromEntries(outcomes)).toEqual({
    a: { state: 'failed', why: 'out of memory' },
    b: { state: 'failed', why: 'needs a, which failed' },
    c: { state: 'failed', why: 'needs b, which failed' },
    d: { state: 'failed', why: 'no fork' },
    e: done,
  });
});

test('after a stop nothing more is started, and those on their way are waited for', async () => {
  const { started, start, end } = runner();
  const stop = new AbortController();
  const result = runQueue([run('a'), run('b'), run('c', 'a')], { jobs: 1, signal: stop.signal, start });
  stop.abort();
  await end('a', { state: 'stopped' });
  expect(states(await result)).toEqual({ a: 'stopped', b: 'stopped', c: 'stopped' });
  expect(started).toEqual(['a']);
});
