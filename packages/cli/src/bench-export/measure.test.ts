import type { HostImage } from '@kd/data';
import { expect, test } from 'vitest';
import { measure, timesOf } from './measure.js';

test('median, p95 and images a second', () => {
  expect(timesOf([4])).toEqual({ median: 4, p95: 4, imagesPerSecond: 250 });
  expect(timesOf([30, 10, 20, 40])).toEqual({ median: 25, p95: 40, imagesPerSecond: 40 });
  const times = timesOf(Array.from({ length: 100 }, (_, i) => 100 - i));
  expect([times.median, times.p95]).toEqual([50.5, 95]);
  expect(timesOf([1, 2, 3]).median).toBe(2);
});

test('runners take turns, and run once before the clock starts', async () => {
  const calls: string[] = [];
  const runner = (name: string) => ({
    name,
    detect: async ({ width }: HostImage) => void calls.push(`${name}${width}`),
    dispose: () => {},
  });
  async function* images(): AsyncGenerator<HostImage> {
    for (const width of [1, 2]) yield { data: new Uint8Array(3 * width), width, height: 1 };
  }
  const done: number[] = [];
  const times = await measure([runner('a'), runner('b')], images(), (count) => done.push(count));
  expect(calls).toEqual(['a1', 'b1', 'a1', 'b1', 'a2', 'b2']);
  expect(times.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(done).toEqual([1, 2]);
});
