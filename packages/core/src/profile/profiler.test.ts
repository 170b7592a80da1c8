import { setTimeout } from 'node:timers/promises';
import { cpuEngine } from '@kd/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { part } from './part.js';
import { forgetPeak } from '#host/memory';
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

  it('gives ops of a compiled function that run side by side the time that passes, in equal shares', () => {
    const profiler = createProfiler(1);
    const { calls } = profiler;
    const entered: string[] = [];
    profiler.during(() =>
      part('compiled step', () => {
        const unfollow = calls!.follow((name) => entered.push(name));
        part('teacher', () => part('ssim', () => {}));
        unfollow();
        part('teacher', () => {});
        expect(calls!.timed()).toBe(true);
        const began = performance.now();
        spend(20);
        calls!.ran(() => [
          { part: 'teacher', op: 'Conv2D', start: began, end: began + 8 },
          { part: 'backward', op: 'MatMul', start: began + 4, end: began + 10 },
          { part: '', op: 'Add', start: began + 12, end: began + 13 },
          { part: 'teacher', op: 'NoOp', start: began + 13, end: began + 13 },
        ]);
      }),
    );
    expect(entered).toEqual(['compiled step', 'teacher', 'ssim', 'teacher', 'compiled step']);
    profiler.endOfStep(1);
    expect(calls!.timed()).toBe(false);
    const { parts, spans, milliseconds } = profiler.take(true)!;
    const of = Object.fromEntries(parts.map((one) => [one.part, one.milliseconds]));
    // 4 ms alone and half of 4; half of 4 and 2 alone.
    expect(of['teacher']).toBeCloseTo(6, 1);
    expect(of['backward']).toBeCloseTo(4, 6);
    expect(of['compiled step']).toBeGreaterThanOrEqual(10);
    expect(parts.reduce((sum, one) => sum + one.milliseconds, 0)).toBeCloseTo(milliseconds, 6);
    const ops = spans.filter(({ lane }) => lane !== undefined);
    expect(ops.map(({ part, name, lane }) => [part, name, lane])).toEqual([
      ['teacher', 'Conv2D', 0],
      ['backward', 'MatMul', 1],
      ['compiled step', 'Add', 0],
    ]);
    expect(ops[1]!.end - ops[1]!.start).toBeCloseTo(6, 6);
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
