import { setTimeout } from 'node:timers/promises';
import { cpuEngine } from '@kd/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { part } from './part.js';
import { forgetPeak } from './peak-memory.js';
import { createProfiler } from './profiler.js';

async function* twice(): AsyncGenerator<number> {
  for (const value of [1, 2]) {
    await setTimeout(3);
    yield value;
  }
}

/** Spends at least `ms`. */
function spend(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

beforeAll(() => cpuEngine().start());

describe('a profile', () => {
  it('gives time to the inner part, and its parts add up to the step', async () => {
    const profiler = createProfiler(2);
    let step = 0;
    for await (const _ of profiler.waiting(twice())) {
      profiler.during(() =>
        part(
          'plugin',
          () => {
            spend(2);
            part('teacher', () => spend(4));
          },
          'plugin.lossCompose',
        ),
      );
      profiler.endOfStep(++step);
      const profile = profiler.take(false);
      if (step < 2) {
        expect(profile).toBeNull();
        continue;
      }
      const { parts, spans, milliseconds, steps, warmUp } = profile!;
      expect(steps.map((one) => one.step)).toEqual([1, 2]);
      expect(warmUp).toBe(1);
      const of = Object.fromEntries(parts.map((one) => [one.part, one.milliseconds]));
      expect(Object.keys(of).toSorted()).toEqual(['plugin', 'teacher', 'the rest', 'waiting for data']);
      expect(of['teacher']).toBeGreaterThanOrEqual(4);
      expect(of['plugin']).toBeGreaterThanOrEqual(2);
      // What a span took: of the plugin's the teacher's is a part, which the row of the plugin leaves out.
      const length = (name: string): number => {
        const { start, end } = spans.findLast((span) => span.name === name)!;
        return end - start;
      };
      expect(of['plugin']).toBeCloseTo(length('plugin.lossCompose') - length('teacher'), 6);
      expect(parts.reduce((sum, one) => sum + one.milliseconds, 0)).toBeCloseTo(milliseconds, 6);
      expect(parts.reduce((sum, one) => sum + one.share, 0)).toBeCloseTo(1, 6);
      expect(spans.map(({ name }) => name)).toEqual(
        [1, 2].flatMap(() => ['waiting for data', 'teacher', 'plugin.lossCompose']),
      );
    }
    expect(profiler.take(true)).toBeNull();
  });

  it('comes of fewer steps where there are no more', () => {
    const profiler = createProfiler(5);
    expect(profiler.take(true)).toBeNull();
    profiler.during(() => part('backward', () => spend(1)));
    profiler.endOfStep(7);
    expect(profiler.take(false)).toBeNull();
    expect(profiler.take(true)).toMatchObject({ steps: [{ step: 7 }], warmUp: 0 });
  });

  it.runIf(forgetPeak())('tells the peak memory of a step', () => {
    const peakWith = (bytes: number): number => {
      const profiler = createProfiler(1);
      profiler.during(() => part('optimiser', () => Buffer.alloc(bytes, 1)));
      profiler.endOfStep(1);
      return profiler.take(true)!.peakMemory!;
    };
    // Files share the process: what others left may be given back meanwhile, but it is never less than asked for.
    const little = peakWith(1);
    expect(little).toBeGreaterThan(20 * 2 ** 20);
    expect(peakWith(little)).toBeGreaterThan(little * 1.2);
  });

  it('hears nothing of what another training does meanwhile, nor of a failed part any more', () => {
    const profiler = createProfiler(1);
    part('backward', () => {});
    expect(() =>
      profiler.during(() =>
        part('teacher', () => {
          throw new Error('it broke');
        }),
      ),
    ).toThrow('it broke');
    part('optimiser', () => {});
    profiler.endOfStep(1);
    expect(profiler.take(true)!.spans.map((span) => span.part)).toEqual(['teacher']);
  });
});
