import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine, toyDetector } from '@kd/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import { lastState, of, type Ran, removeFolders, run, toyConfig } from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { Hooks, Progress } from '../contract/plugin.js';
import { silentLogger } from '../logger.js';

vi.setConfig({ testTimeout: 60_000 });

let teacher: Ran;
beforeAll(async () => {
  await cpuEngine().start();
  teacher = await run(toyConfig({ student: toyDetector({ size: 16 }), epochs: 1, seed: 5 }));
});
afterAll(removeFolders);

/** Pulls the neck; counts the steps in which a hook of it runs. */
const late = (factor: (progress: Progress) => number, seen: number[] = []) =>
  plugin('late', (scope): Hooks => {
    const gain = scope.variable('gain', tf.scalar(1));
    return {
      headForward: ({ progress }) => void seen.push(progress.step),
      lossCompose: ({ student, teacher: taught }) => ({
        gap: tf.mul(gain, tf.mean(tf.square(tf.sub(student.predictions.cls![0]!, taught.predictions.cls![0]!)))),
      }),
      schedule: factor,
    };
  });

const config = (more: Partial<Config>): Config => toyConfig({ teacher: { weights: teacher.out }, ...more });
const warned = async (more: Partial<Config>): Promise<string[]> => {
  const lines: string[] = [];
  await run(config({ epochs: 1, ...more }), { logger: { ...silentLogger, warn: (line) => void lines.push(line) } });
  return lines;
};

it('a distiller runs in the steps in which its factor is not 0, also across a resume', async () => {
  const from = ({ step }: Progress): number => (step < 5 ? 0 : 1);
  const seen: number[] = [];
  const whole = await run(config({ distillers: [late(from, seen)] }));
  expect(seen).toEqual([5, 6, 7, 8, 9, 10, 11]);
  const logged = of(whole.events, 'log').filter(({ terms }) => 'late.gap' in terms);
  expect(logged.map(({ step }) => step)).toEqual([6, 7, 8, 9, 10, 11, 12]);
  const half = await run(config({ distillers: [late(from)] }), { stopAt: 3 });
  await run(config({ distillers: [late(from)] }), { out: half.out, resume: true });
  expect(await lastState(half.out)).toEqual(await lastState(whole.out));
});

it('one whose factor is 0 in every step is warned of, and changes nothing', async () => {
  const seen: number[] = [];
  expect(await warned({ distillers: [late(() => 0, seen)] })).toEqual([
    expect.stringContaining('distiller "late" counts nothing in any of the 4 steps') as string,
  ]);
  expect(seen).toEqual([]);
  expect(await warned({ distillers: [mimic({ weight: 0 })] })).toEqual([
    expect.stringContaining('distiller "mimic" counts nothing') as string,
  ]);
  expect(await warned({ distillers: [late(({ step }) => (step === 3 ? 1 : 0))] })).toEqual([]);
});

it('a teacher without distillers is warned of', async () => {
  expect(await warned({})).toEqual([expect.stringContaining('there is a teacher, but no distiller') as string]);
});
