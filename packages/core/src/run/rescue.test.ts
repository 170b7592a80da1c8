import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cpuEngine, toyData, toyDetector, toyMetric } from '@kd/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { plugin } from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import {
  checkpointNames,
  lastState,
  of,
  type Ran,
  readJson,
  removeFolders,
  run,
  temporaryFolder,
  toyConfig,
} from '../../test/toy-run.js';
import type { Config } from '../config.js';
import type { DatasetSource, HostBatch } from '../contract/data.js';
import type { Engine } from '../contract/engine.js';
import type { TrainerEvent } from '../contract/listener.js';
import type { Metric } from '../contract/metric.js';
import type { StepView } from '../contract/plugin.js';
import { Updater } from './updater.js';

vi.setConfig({ testTimeout: 60_000 });

let teacher: Ran;
beforeAll(async () => {
  await cpuEngine().start();
  teacher = await run(toyConfig({ student: toyDetector({ width: 6, size: 16 }), epochs: 1, seed: 5 }));
});
afterAll(removeFolders);

/** Data whose loader gives only so many batches in all, then fails as one whose image has gone. */
function failing(source: DatasetSource, batches: number): DatasetSource {
  let left = batches;
  async function* some(of: AsyncIterable<HostBatch>): AsyncGenerator<HostBatch> {
    for await (const batch of of) {
      if (left-- === 0) throw new Error('a.jpg is not there');
      yield batch;
    }
  }
  return {
    ...source,
    open: async (context) => {
      const data = await source.open(context);
      return {
        ...data,
        loader: (options) => {
          const loader = data.loader(options);
          return { ...loader, epoch: (index, from) => some(loader.epoch(index, from)) };
        },
      };
    },
  };
}
const train = () => toyData({ images: 8, size: 16 });
const val = () => toyData({ images: 6, seed: 9, size: 16 });
const data = (more: Partial<Config['data']>): Config['data'] => ({
  ...toyConfig().data,
  ...more,
});
const badMetric = (calls: number): Metric => {
  let left = calls;
  return {
    ...toyMetric(),
    evaluate: (...given) => {
      if (left-- === 0) throw new Error('division by nothing');
      return toyMetric().evaluate(...given);
    },
  };
};

/** Runs into the error, tells what is warned of, and goes on with the whole config. */
async function failAndGoOn(broken: Config, whole: Config, error: string): Promise<{ warnings: string[]; second: Ran }> {
  const out = await temporaryFolder();
  const warnings: string[] = [];
  const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
  await expect(run(broken, { out, logger })).rejects.toThrow(error);
  return { warnings, second: await run(whole, { out, resume: true }) };
}

async function expectAsWhole(second: Ran, config: Config): Promise<void> {
  const whole = await run(config);
  expect(await lastState(second.out)).toEqual(await lastState(whole.out));
  const { metrics, last, perClass, steps } = whole.summary!;
  expect(second.summary).toMatchObject({ metrics, last, perClass, steps });
  expect(second.summary!.best).toMatchObject({ step: whole.summary!.best!.step, epoch: whole.summary!.best!.epoch });
  expect(await checkpointNames(second.out)).toEqual(expect.arrayContaining(await checkpointNames(whole.out)));
}

describe('the steps before an error are kept, and a resume ends as the whole run, bit for bit', () => {
  it.each([
    ['a validation image that has gone', { data: data({ val: failing(val(), 4) }) }, 'a.jpg is not there'],
    ['a metric that throws', { evaluate: { metric: badMetric(1) } }, 'division by nothing'],
    [
      'the same between checkpoints',
      { evaluate: { metric: badMetric(1) }, checkpoint: { every: 3 } },
      'division by nothing',
    ],
  ] as [string, Partial<Config>, string][])('%s: that evaluation is done once more', async (_, broken, error) => {
    const config = toyConfig({ ema: { decay: 0.8 }, ...(broken.checkpoint && { checkpoint: broken.checkpoint }) });
    const { warnings, second } = await failAndGoOn({ ...config, ...broken } as Config, config, error);
    expect(warnings).toEqual([expect.stringMatching(/step-00000008\.json holds all 8 steps done .* --resume\.$/)]);
    expect(of(second.events, 'start')[0]!.run).toMatchObject({ startStep: 8, evaluatesAgain: true });
    expect(of(second.events, 'evaluation').map(({ step }) => step)).toEqual([8, 12]);
    await expectAsWhole(second, config);
  });

  it('a training image that has gone', async () => {
    const config = toyConfig({ checkpoint: { every: 2 } });
    const { warnings, second } = await failAndGoOn(
      { ...config, data: data({ train: failing(train(), 6) }) } as Config,
      config,
      'a.jpg is not there',
    );
    expect(warnings).toEqual([expect.stringContaining('step-00000006.json holds all 6 steps done')]);
    expect(of(second.events, 'start')[0]!.run).toMatchObject({ startStep: 6, evaluatesAgain: false });
    await expectAsWhole(second, config);
  });

  it('one in the middle of an accumulated step: nothing of that step is kept, its statistics neither', async () => {
    const config = toyConfig({ accumulate: 2, epochs: 4 });
    const { warnings, second } = await failAndGoOn(
      // Three steps and one batch of the fourth.
      { ...config, data: data({ train: failing(train(), 7) }) } as Config,
      config,
      'a.jpg is not there',
    );
    expect(warnings).toEqual([expect.stringContaining('holds all 3 steps done')]);
    await expectAsWhole(second, config);
  });

  it('of half an update nothing is kept: the checkpoint before it is named, where there is one', async () => {
    const config = toyConfig({ data: data({ train: train() }), epochs: 3 });
    const { apply } = Updater.prototype;
    let calls = 0;
    const update = vi.spyOn(Updater.prototype, 'apply').mockImplementation(function (this: Updater, ...given) {
      apply.apply(this, given);
      if (++calls === 6) throw new Error('out of memory');
    });
    const { warnings, second } = await failAndGoOn(config, config, 'out of memory');
    expect(warnings).toEqual([
      expect.stringMatching(
        /^the update of step 6 failed .* not kept\. .*step-0+4\S* is the newest checkpoint, of step 4: .* go on with --resume\.$/,
      ) as string,
    ]);
    await expectAsWhole(second, config);
    calls = 5;
    const told: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void told.push(message) };
    await expect(run(config, { logger })).rejects.toThrow('out of memory');
    expect(told).toEqual([expect.stringMatching(/^the update of step 1 .*There is no checkpoint from before it\.$/)]);
    update.mockRestore();
  });

  it('a plugin that throws; one with a state is said to have seen a part of the step', async () => {
    const bad = (at: number) =>
      plugin('bad', () => ({
        lossCompose: ({ progress }: StepView) => {
          if (progress.step === at) throw new Error('oh');
          return {};
        },
      }));
    const config = (at: number, more: Config['distillers'] = []) =>
      toyConfig({
        teacher: { weights: teacher.out, detector: toyDetector({ width: 6, size: 16 }) },
        distillers: [...more, bad(at)],
      });
    const { warnings, second } = await failAndGoOn(config(6), config(-1), 'bad.lossCompose threw: oh');
    expect(warnings).toEqual([expect.stringMatching(/step-00000006\.json holds all 6 steps .* --resume\.$/)]);
    await expectAsWhole(second, config(-1));
    const stateful = await failAndGoOn(config(6, [mimic({})]), config(-1, [mimic({})]), 'bad.lossCompose threw: oh');
    expect(stateful.warnings).toEqual([
      expect.stringMatching(/--resume\. But the state of mimic may hold a part of step 7\.$/),
    ]);
  });
});

describe('a device that is lost', () => {
  /** Of an engine whose device may go, what a run leaves that loses it after some steps. */
  async function loseAfter(steps: number, mayBeLost: boolean) {
    const plain = cpuEngine();
    const engine: Engine = { ...plain, capabilities: () => ({ ...plain.capabilities(), mayBeLost }) };
    const out = await temporaryFolder();
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
    const loser = {
      name: 'loser',
      on: (event: TrainerEvent) => {
        if (event.type === 'step' && event.step === steps)
          vi.spyOn(tf.Tensor.prototype, 'data').mockRejectedValue(new Error('the device is gone'));
      },
    };
    const lost = run(toyConfig({ engine, log: { every: 100 } }), { out, logger, listeners: [loser] });
    await expect(lost).rejects.toThrow('the device is gone');
    vi.restoreAllMocks();
    return { out, warnings };
  }

  it('leaves a checkpoint of the newest step that was copied from it; a resume ends as the whole run', async () => {
    const { out, warnings } = await loseAfter(2, true);
    expect(await checkpointNames(out)).toEqual(['step-00000001.json']);
    expect(warnings).toEqual([expect.stringMatching(/step-00000001\.json holds 1 of the \d+ steps done .* --resume/)]);
    await expectAsWhole(await run(toyConfig(), { out, resume: true }), toyConfig());
  });

  it('is what an engine has to say: otherwise nothing is copied', async () => {
    const { out, warnings } = await loseAfter(2, false);
    expect(await checkpointNames(out)).toEqual([]);
    expect(warnings).toEqual([
      'no checkpoint of step 4 could be written after the error below. There is no checkpoint from before it.',
    ]);
  });

  it('is told once, with the checkpoint to go on from', async () => {
    const { warnings } = await loseAfter(6, false);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^no checkpoint of step 8 could be written after the error below\. \S+step-00000004\.json is the newest checkpoint, of step 4: .* --resume\.$/,
      ),
    ]);
  });
});

describe('the checkpoint of an epoch', () => {
  it('is there before its evaluation begins, and holds the result afterwards', async () => {
    const out = await temporaryFolder();
    const seen: unknown[] = [];
    const position = async () =>
      JSON.parse(
        ((await readJson(join(out, 'checkpoints', 'step-00000004.json'))) as { metadata: { training: string } })
          .metadata.training,
      ) as Record<string, unknown>;
    const watch = {
      name: 'looks',
      on: async ({ type }: { readonly type: string }) => {
        if (type === 'evaluating' && seen.length === 0) seen.push(await position());
      },
    };
    await run(toyConfig({ epochs: 1 }), { out, listeners: [watch] });
    expect(seen).toEqual([expect.objectContaining({ step: 4, best: null, last: null, toEvaluate: true })]);
    expect(await position()).toMatchObject({ step: 4, best: { step: 4 }, toEvaluate: false });
  });

  it('is refused before the first step where the validation data are empty', async () => {
    const empty = { ...val(), open: async () => ({ ...(await val().open({ folder: '.' })), images: [] }) };
    const out = await temporaryFolder();
    await expect(run(toyConfig({ data: data({ val: empty }) }), { out })).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringContaining('the validation data (toy) has no images'),
    });
    expect(existsSync(join(out, 'checkpoints'))).toBe(false);
  });
});
