import { setTimeout } from 'node:timers/promises';
import { cpuEngine } from '@kd/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DeviceClock } from '../contract/engine.js';
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
      const profile = await profiler.take(false);
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
    expect(await profiler.take(true)).toBeNull();
  });

  it('gives ops of a compiled function that run side by side the time that passes, in equal shares', async () => {
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
    const { parts, spans, milliseconds } = (await profiler.take(true))!;
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

  it('has beside the host what a device took for each part of its steps, the first of them left out', async () => {
    /** A device that takes a millisecond for each time that a part is entered, ten in the first step. */
    let clocks = 0;
    const timeDevice = (): DeviceClock => {
      const [each, sums] = [clocks++ === 0 ? 10 : 1, new Map<string, number>()];
      return {
        enter: (part) => void sums.set(part, (sums.get(part) ?? 0) + each),
        stop: () => Promise.resolve(sums),
      };
    };
    const profiler = createProfiler(2, timeDevice);
    for (const step of [1, 2, 3]) {
      profiler.during(() => part('backward', () => part('teacher', () => {})));
      profiler.during(() => part('optimiser', () => {}));
      profiler.endOfStep(step);
    }
    expect(clocks).toBe(2);
    const { parts, deviceMilliseconds } = (await profiler.take(false))!;
    expect(Object.fromEntries(parts.map((one) => [one.part, one.deviceMilliseconds]))).toEqual({
      backward: 2,
      teacher: 1,
      optimiser: 1,
      'the rest': 2,
    });
    expect(deviceMilliseconds).toBe(6);
  });

  it('says that a device has no clock, and nothing where there is no device', async () => {
    const told = async (timeDevice?: () => null): Promise<unknown> => {
      const profiler = createProfiler(1, timeDevice);
      profiler.during(() => part('backward', () => {}));
      profiler.endOfStep(1);
      return (await profiler.take(true))!.deviceMilliseconds;
    };
    expect(await told(() => null)).toBeNull();
    expect(await told()).toBeUndefined();
  });

  it('rejects with what the device failed by, when it is taken and no sooner', async () => {
    const lost = new Error('the device is lost');
    const profiler = createProfiler(1, () => ({ enter: () => {}, stop: () => Promise.reject(lost) }));
    profiler.during(() => part('backward', () => {}));
    profiler.endOfStep(1);
    await setTimeout(1);
    await expect(profiler.take(true)).rejects.toBe(lost);
  });

  it('comes of fewer steps where there are no more', async () => {
    const profiler = createProfiler(5);
    expect(await profiler.take(true)).toBeNull();
    profiler.during(() => part('backward', () => spend(1)));
    profiler.endOfStep(7);
    expect(await profiler.take(false)).toBeNull();
    expect(await profiler.take(true)).toMatchObject({ steps: [{ step: 7 }], warmUp: 0 });
  });

  it.runIf(forgetPeak())('tells the peak memory of a step', async () => {
    const peakWith = async (bytes: number): Promise<number> => {
      const profiler = createProfiler(1);
      profiler.during(() => part('optimiser', () => Buffer.alloc(bytes, 1)));
      profiler.endOfStep(1);
      return (await profiler.take(true))!.peakMemory!;
    };
    // Files share the process: what others left may be given back meanwhile, but it is never less than asked for.
    const little = await peakWith(1);
    expect(little).toBeGreaterThan(20 * 2 ** 20);
    expect(await peakWith(little)).toBeGreaterThan(little * 1.2);
  });

  it('hears nothing of what another training does meanwhile, nor of a failed part any more', async () => {
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
    expect((await profiler.take(true))!.spans.map((span) => span.part)).toEqual(['teacher']);
  });
});
