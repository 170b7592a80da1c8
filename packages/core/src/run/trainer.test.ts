import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { jsonFormat, toyData, toyDetector } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { calls, mimic } from '../../test/mimic.js';
import { checkpointNames, lastState, of, readJson, run, temporaryFolder, toyConfig } from '../../test/toy-run.js';
import { taughtToMimic } from '../../test/taught.js';
import type { Hooks, LossTerms, StepView } from '../contract/plugin.js';

const { distilled, teacher } = taughtToMimic();

describe('Trainer', () => {
  it('leaves a resolved config, a summary, the last checkpoints and the best weights', async () => {
    const { out, summary, events } = await run(distilled(), { command: 'kd train' });
    const names = await checkpointNames(out);
    expect(names).toEqual(['best.json', 'step-00000008.json', 'step-00000012.json']);
    expect(await readJson(join(out, 'config.json'))).toMatchObject({
      seed: 0,
      engine: 'cpu',
      student: ['toy', { width: 4, depth: 1 }],
      teacher: { detector: ['toy', { width: 6 }] },
      distillers: [['mimic', { weight: 1, noise: 0.5, pass: true }]],
      data: { train: { format: 'toy', images: 8 }, val: { format: 'toy', images: 6 } },
      evaluate: { metric: { name: 'toy' }, every: 1, batchSize: 2 },
      checkpoint: { every: 1, keep: 2 },
    });
    expect(await readJson(join(out, 'summary.json'))).toEqual(JSON.parse(JSON.stringify(summary)));
    expect(summary).toMatchObject({
      steps: 12,
      epochs: 3,
      seed: 0,
      distillers: ['mimic'],
      command: 'kd train',
      student: { detector: 'toy' },
      teacher: { detector: 'toy' },
      engine: { name: 'cpu' },
    });
    expect(summary!.best).not.toBeNull();
    expect(of(events, 'evaluation').map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 4],
      [1, 8],
      [2, 12],
    ]);
    const best = of(events, 'evaluation')
      .filter((event) => event.best)
      .at(-1)!;
    expect(summary!.best).toMatchObject({ epoch: best.epoch, step: best.step });
    expect(summary!.metrics).toEqual(best.result.metrics);
    expect(events.map(({ type }) => type).filter((type) => type === 'start' || type === 'end')).toEqual([
      'start',
      'end',
    ]);
  });

  it('learns: the loss on eight images falls to a fraction', async () => {
    const { events } = await run(
      toyConfig({
        epochs: 40,
        data: { train: toyData({ images: 8 }), workers: 0 },
        optimizer: { name: 'adamw', lr: 0.02 },
        schedule: {},
        log: { every: 4 },
        checkpoint: { every: 40 },
      }),
    );
    const totals = of(events, 'log').map(({ total }) => total);
    expect(totals.at(-1)).toBeLessThan(0.35 * totals[0]!);
  });

  it('logs each term as it enters the total, and the rate of the step', async () => {
    const { events } = await run(distilled({ epochs: 1 }));
    const logs = of(events, 'log');
    expect(logs.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    for (const { terms, total } of logs) {
      expect(Object.keys(terms)).toEqual(['cls', 'reg', 'mimic.feat']);
      expect(total).toBeCloseTo(
        Object.values(terms).reduce((sum, term) => sum + term, 0),
        5,
      );
    }
    // Warm-up from a thousandth over two steps, then the cosine over four.
    expect(logs[0]!.lr).toBeCloseTo(0.02 * 0.001, 10);
    expect(logs[2]!.lr).toBeCloseTo(0.02 * 0.5 * (1 + Math.cos((Math.PI * 2) / 4)), 10);
  });

  it('keeps the number of live tensors over 40 steps, of which some are followed by evaluations and checkpoints', async () => {
    const { events } = await run(
      distilled({
        epochs: 10,
        evaluate: { every: 3, metric: toyConfig().evaluate!.metric! },
        checkpoint: { every: 5 },
      }),
    );
    const counts = of(events, 'log').map((event) => event.tensors);
    expect(counts).toHaveLength(40);
    expect(new Set(counts.slice(1)).size).toBe(1);
  });

  it('starts from the weights of init', async () => {
    const started = await run(
      toyConfig({
        init: teacher(),
        student: toyDetector({ width: 6, size: 16 }),
        epochs: 1,
        optimizer: { name: 'sgd', lr: 1e-12, momentum: 0, weightDecay: 0 },
      }),
    );
    const [from, to] = await Promise.all([
      jsonFormat.read(join(teacher(), 'checkpoints', 'best.json')),
      lastState(started.out),
    ]);
    const close = (name: string) =>
      (to.tensors.get(name) as { data: Float32Array }).data.every(
        (value, i) => Math.abs(value - (from.tensors.get(name)!.data[i] as number)) < 1e-6,
      );
    expect(close('student/neck.p3/kernel')).toBe(true);
  });

  it('takes from init what fits and tells the rest, both ways', async () => {
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
    await run(toyConfig({ init: teacher(), student: toyDetector({ width: 6, size: 16, depth: 2 }), epochs: 1 }), {
      logger,
    });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^init: .*best\.json does not match the student everywhere: \d+ tensors fit; 4 missing: head\.cls\.1\/kernel/,
      ),
    ]);
    const { tensors } = await jsonFormat.read(join(teacher(), 'checkpoints', 'best.json'));
    await jsonFormat.write(
      join(teacher(), 'strange.json'),
      new Map([...tensors].map(([name, value]) => [`x.${name}`, value])),
      {},
    );
    await expect(run(toyConfig({ init: join(teacher(), 'strange.json') }), { logger })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(/holds nothing that fits this .* missing: .* not used: /s),
    });
  });
});

describe('a data set pass', () => {
  it('is made anew where a run without a checkpoint left one of another teacher', async () => {
    const out = await temporaryFolder();
    const dies = plugin('dies', () => ({
      lossCompose: () => {
        throw new Error('oh');
      },
    }));
    const crash = (seed: number) => run(distilled({ seed, distillers: [mimic({ pass: true }), dies] }), { out });
    await expect(crash(0)).rejects.toThrow('dies.lossCompose threw: oh');
    await expect(crash(0)).rejects.toThrow();
    expect(calls.filter((call) => call.startsWith('run'))).toEqual(['run mimic 0']);
    await expect(crash(3)).rejects.toThrow();
    expect(calls.filter((call) => call.startsWith('run'))).toHaveLength(2);
  });

  it('is told with plugin and hook when it throws', async () => {
    const failing = plugin(
      'p',
      () =>
        ({
          datasetPass: {
            every: 0,
            run: async () => {
              throw new Error('no data');
            },
            use: () => {},
          },
        }) satisfies Hooks,
    );
    await expect(run(distilled({ distillers: [failing] }))).rejects.toMatchObject({
      code: 'PLUGIN_HOOK',
      message: 'p.datasetPass threw before step 0 (epoch 0): no data',
    });
  });
});

describe('two trainers in one process', () => {
  it('do not see each other', async () => {
    const [alone, other] = [
      await run(distilled()),
      await run(distilled({ seed: 4, optimizer: { name: 'adamw', lr: 0.01 } })),
    ];
    const [a, b] = await Promise.all([
      run(distilled()),
      run(distilled({ seed: 4, optimizer: { name: 'adamw', lr: 0.01 } })),
    ]);
    expect(await lastState(a.out)).toEqual(await lastState(alone.out));
    expect(await lastState(b.out)).toEqual(await lastState(other.out));
  });
});

describe('listeners', () => {
  it('cannot change training: not by throwing, not by rejecting, not by writing on what they get', async () => {
    const quiet = await run(distilled());
    const warnings: string[] = [];
    const seen: string[] = [];
    const vandal = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const key of Object.keys(value)) {
        vandal((value as Record<string, unknown>)[key]);
        (value as Record<string, unknown>)[key] = null;
      }
    };
    const loud = await run(distilled(), {
      logger: { info: () => {}, warn: (message) => void warnings.push(message) },
      listeners: [
        {
          name: 'throws',
          on: ({ type }) => {
            seen.push(type);
            if (type === 'step') throw new Error('disk full');
          },
        },
        {
          name: 'rejects',
          on: async ({ type }) => {
            if (type === 'evaluation') throw new Error('offline');
          },
        },
        { name: 'vandal', on: vandal },
      ],
    });
    expect(await lastState(loud.out)).toEqual(await lastState(quiet.out));
    expect(loud.summary!.metrics).toEqual(quiet.summary!.metrics);
    expect(warnings).toEqual([
      'listener "throws" failed and is left out from here: disk full',
      'listener "rejects" failed and is left out from here: offline',
    ]);
    expect(seen).toEqual(['start', 'step']);
  });
});

describe('a loss that is not finite', () => {
  it('stops the run, names term, step and images, and leaves the checkpoints from before', async () => {
    const out = await temporaryFolder();
    const ids: unknown[][] = [];
    const diverges = plugin('bad', () => ({
      lossCompose: ({ progress, targets }: StepView) => {
        ids.push([...targets.ids]);
        return { feat: tf.scalar(progress.step >= 6 ? NaN : 0) };
      },
    }));
    const failed = run(distilled({ distillers: [diverges], log: { every: 3 } }), { out });
    await expect(failed).rejects.toMatchObject({
      code: 'NON_FINITE',
      message: expect.stringMatching(/the term bad\.feat became NaN at step 7 .*Lower the learning rate/),
    });
    await expect(failed).rejects.toThrow(`(images ${ids[6]!.join(', ')})`);
    expect(await checkpointNames(out)).toEqual(['best.json', 'step-00000004.json']);
  });

  it('is the plugin, not the learning rate, in the first step', async () => {
    const divides = plugin('bad', () => ({ lossCompose: () => ({ feat: tf.scalar(NaN) }) }));
    const failed = run(distilled({ distillers: [divides], log: { every: 3 } }), { out: await temporaryFolder() });
    await expect(failed).rejects.toThrow(/bad\.feat became NaN at step 1 .*plugin bad's own: .*division by zero/);
    await expect(failed).rejects.not.toThrow('learning rate');
  });

  it('is caught when only a gradient was not finite', async () => {
    const out = await temporaryFolder();
    // The root of 0 is finite, its gradient is not; it comes in the last step before the checkpoint.
    const trap = plugin(
      'root',
      () =>
        ({
          featureTap: (taps) => void taps.of('student', 'neck@p3'),
          lossCompose: ({ student, progress }: StepView) =>
            progress.step === 7
              ? { feat: tf.sum(tf.sqrt(tf.mul(student.tap('neck@p3'), 0))) as tf.Scalar }
              : ({} as LossTerms),
        }) satisfies Hooks,
    );
    await expect(run(distilled({ distillers: [trap] }), { out })).rejects.toMatchObject({
      code: 'NON_FINITE',
      message: expect.stringMatching(/student\/.* holds NaN after step 8/),
    });
    expect((await checkpointNames(out)).filter((name) => name.startsWith('step'))).toEqual(['step-00000004.json']);
    for (const { data } of (await jsonFormat.read(join(out, 'checkpoints', 'best.json'))).tensors.values())
      expect([...(data as Float32Array)].every(Number.isFinite)).toBe(true);
  });
});
