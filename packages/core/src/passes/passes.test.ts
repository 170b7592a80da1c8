import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { jsonFormat, toyData } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { lastState, of, run } from '../../test/toy-run.js';
import { seen, walk, type WalkOptions } from '../../test/walk.js';
import { passFiles, withPass } from '../../test/passing.js';
import { taughtToWalk } from '../../test/taught.js';
import type { Config } from '../config.js';
import type { Dataset, DatasetSource } from '../contract/data.js';
import type { Hooks, PassView } from '../contract/plugin.js';

const { distilled } = taughtToWalk();
const passing = (pass: (view: PassView) => Promise<void>): Config => distilled(withPass(pass));

describe('what a pass sees', () => {
  it('the records of the training data, and chosen images in the order that it asks for, as in evaluation', async () => {
    const data = await toyData({ images: 8, size: 16 }).open({ folder: '.' });
    let ran = 0;
    await run(
      passing(async (view) => {
        expect(view.images).toEqual(data.images);
        expect(view.categories).toEqual(data.categories);
        const loader = data.loader({
          input: view.student.input,
          batchSize: 2,
          training: false,
          shuffle: false,
          dropLast: false,
          seed: 0,
          augment: [],
          workers: 0,
          onBadImage: 'error',
        });
        const plain = [];
        for await (const batch of loader.epoch(0)) plain.push(batch);
        const walked = [];
        for await (const { batch } of view.batches()) walked.push(batch);
        expect(walked).toEqual(plain);
        const ids = [];
        for await (const { batch, images, targets } of view.batches([5, 0, 7], { batchSize: 2 })) {
          ids.push(batch.ids);
          expect([...(await images.data())]).toEqual([...batch.images]);
          expect(targets.boxes.shape).toEqual([batch.ids.length, batch.maxBoxes, 4]);
        }
        expect(ids).toEqual([[5, 0], [7]]);
        for await (const { batch } of view.batches([1], { input: { ...view.student.input, fixedSize: [32, 32] } }))
          expect(batch.shape).toEqual([1, 32, 32, 3]);
        for await (const _ of view.batches([])) throw new Error('no image was asked for');
        ran++;
      }),
    );
    expect(ran).toBe(1);
  });

  it.each([
    [[8], /8 is no place in the 8 images/],
    [[0.5], /0\.5 is no place/],
    [[-1], /-1 is no place/],
  ])('no image that is not there: %j', async (indices, message) => {
    await expect(
      run(
        passing(async (view) => {
          for await (const _ of view.batches(indices));
        }),
      ),
    ).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) as string });
  });

  it('tells images that could not be read', async () => {
    const source: DatasetSource = toyData({ images: 8, size: 16 });
    const holed: DatasetSource = {
      ...source,
      open: async (context): Promise<Dataset> => {
        const whole = await source.open(context);
        const loader: Dataset['loader'] = (options) => ({
          ...whole.loader(options),
          stats: options.training
            ? { waitedMs: 0, skipped: [] }
            : { waitedMs: 0, skipped: [{ file: 'a.png', why: 'is not there', times: 1 }] },
        });
        return { ...whole, loader };
      },
    };
    const warned: string[] = [];
    const config = passing(async (view) => {
      for await (const _ of view.batches());
    });
    await run(
      { ...config, data: { ...config.data, train: holed } },
      { logger: { info: () => {}, warn: (message) => void warned.push(message) } },
    );
    expect(warned).toContainEqual(
      expect.stringMatching(
        /^\w+: its data set pass left 1 of 8 images out, which could not be read: a\.png \(is not there\)$/,
      ),
    );
  });

  it('never the wrong image: a data set that does not know about chosen images is refused', async () => {
    const source: DatasetSource = toyData({ images: 8, size: 16 });
    const ignorant: DatasetSource = {
      ...source,
      open: async (context): Promise<Dataset> => {
        const data = await source.open(context);
        return { ...data, loader: ({ indices: _, ...options }) => data.loader(options) };
      },
    };
    const config = passing(async (view) => {
      for await (const _ of view.batches([5, 0]));
    });
    await expect(run({ ...config, data: { ...config.data, train: ignorant } } as Config)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringContaining('must follow `indices`') as string,
    });
  });

  it('tensors that are freed after a break, after an error and after an iterator that is left open', async () => {
    const forward = (view: PassView, images: tf.Tensor4D) => view.forward('student', images, view.student.taps);
    await run(
      passing(async (view) => {
        for await (const { images } of view.batches()) {
          forward(view, images);
          break;
        }
        const open = view.batches()[Symbol.asyncIterator]();
        forward(view, (await open.next()).value!.images);
      }),
    );
    await expect(
      run(
        passing(async (view) => {
          for await (const { images } of view.batches()) {
            forward(view, images);
            throw new Error('oh');
          }
        }),
      ),
    ).rejects.toThrow('p.datasetPass threw before step 0 (epoch 0): oh');
  });

  it('one batch on the device at a time', async () => {
    const counts: number[] = [];
    await run(
      passing(async (view) => {
        for await (const { images } of view.batches()) {
          view.forward('teacher', images, view.teacher.taps);
          counts.push(tf.memory().numTensors);
        }
      }),
    );
    expect(counts).toHaveLength(4);
    expect(new Set(counts).size).toBe(1);
  });

  it('a random stream that is the same at every refresh, and another in another plugin', async () => {
    const { out } = await run(distilled({ distillers: [walk(), walk('other')] }));
    const draw = async (id: string, name: string): Promise<unknown> =>
      (await jsonFormat.read(join(out, 'passes', id, name))).tensors.get('draw');
    expect(await draw('walk', 'epoch-1.json')).toEqual(await draw('walk', 'epoch-0.json'));
    expect(await draw('other', 'epoch-0.json')).not.toEqual(await draw('walk', 'epoch-0.json'));
  });

  it('listeners that hear how far it is, in order', async () => {
    const { events } = await run(distilled({ epochs: 1 }));
    // Once for the teacher's features, once for the student's.
    expect(of(events, 'pass')).toEqual(
      [2, 4, 6, 8, 2, 4, 6, 8].map((done) => ({ type: 'pass', plugin: 'walk', done, of: 8 })),
    );
    expect(events.findIndex(({ type }) => type === 'step')).toBeGreaterThan(
      events.map(({ type }) => type).lastIndexOf('pass'),
    );
  });
});

describe('a period in steps', () => {
  it.each([1, 4, 5, 6, 7])('ends as the whole run when it is stopped after step %i and goes on', async (stopAt) => {
    const config = () => distilled({ distillers: [walk('walk', { every: { steps: 3 } })] });
    const whole = await run(config());
    expect(seen.filter((one) => one.startsWith('run'))).toEqual([0, 3, 6].map((step) => `run walk ${step}`));
    expect(await passFiles(whole.out)).toEqual(['cache', 'step-0.json', 'step-3.json', 'step-6.json']);
    const first = await run(config(), { stopAt });
    await run(config(), { out: first.out, resume: true });
    expect(await lastState(first.out)).toEqual(await lastState(whole.out));
  });

  it('is told when the result that a resume needs is gone, and made anew', async () => {
    const config = () => distilled({ distillers: [walk('walk', { every: { steps: 3 } })] });
    const first = await run(config(), { stopAt: 5 });
    await rm(join(first.out, 'passes', 'walk', 'step-3.json'));
    const warnings: string[] = [];
    await run(config(), {
      out: first.out,
      resume: true,
      logger: { info: () => {}, warn: (message) => void warnings.push(message) },
    });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^walk: .*step-3\.json is not there, .* of step 3 is made again, from the student of step 5/,
      ),
    ]);
  });
});

describe('a run that is stopped in the middle of a pass', () => {
  const stopping = (at: { readonly step: number; readonly done: number }, on?: WalkOptions['on']) => {
    const stop = new AbortController();
    const ran = run(
      distilled({
        distillers: [
          walk('walk', {
            every: { steps: 3 },
            on: (view, done) => {
              if (view.step === at.step && done === at.done) {
                stop.abort();
                return on?.(view, done);
              }
            },
          }),
        ],
      }),
      { signal: stop.signal },
    );
    return ran;
  };

  it.each([
    [0, 4],
    [3, 2],
    [6, 8],
  ])(
    'keeps the results of before, and ends as the whole run when it goes on (step %i, %i images done)',
    async (step, done) => {
      const whole = await run(distilled({ distillers: [walk('walk', { every: { steps: 3 } })] }));
      seen.length = 0;
      const first = await stopping({ step, done });
      expect(first.summary).toBeNull();
      expect(of(first.events, 'stopped')).toMatchObject([{ step }]);
      expect(await passFiles(first.out)).toEqual([
        'cache',
        ...[0, 3, 6].filter((due) => due < step).map((due) => `step-${due}.json`),
      ]);
      expect(seen.filter((one) => one.startsWith('use'))).toHaveLength(step / 3);
      await run(distilled({ distillers: [walk('walk', { every: { steps: 3 } })] }), { out: first.out, resume: true });
      expect(seen.filter((one) => one.startsWith('made'))).toHaveLength(1);
      expect(await lastState(first.out)).toEqual(await lastState(whole.out));
    },
  );

  it('takes an error beside the stop for what it is', async () => {
    await expect(
      stopping({ step: 3, done: 2 }, () => {
        throw new Error('out of memory');
      }),
    ).rejects.toThrow('walk.datasetPass threw before step 3 (epoch 0): out of memory');
  });

  it('throws away what a plugin returns after it was told to stop: it may be a part', async () => {
    const stop = new AbortController();
    let used = 0;
    const partial = plugin(
      'part',
      () =>
        ({
          datasetPass: {
            every: 0,
            run: async (view: PassView) => {
              for await (const _ of view.batches()) {
                stop.abort();
                if (view.signal!.aborted) break;
              }
              return new Map();
            },
            use: () => void used++,
          },
        }) satisfies Hooks,
    );
    const { out, summary } = await run(distilled({ distillers: [partial] }), { signal: stop.signal });
    expect([summary, used, await passFiles(out, 'part')]).toEqual([null, 0, []]);
  });
});
