import { join } from 'node:path';
import { jsonFormat, toyData } from '@kd/testing';
import { describe, expect, it } from 'vitest';
import { checkpointNames, lastState, of, readJson, run, temporaryFolder, toyConfig } from '../../test/toy-run.js';
import { taught } from '../../test/taught.js';
import type { Config } from '../config.js';
import type { Listener, TrainerEvent } from '../contract/listener.js';
import type { Metric } from '../contract/metric.js';
import { planRun } from '../plan/plan.js';
import { silentLogger } from '../logger.js';

taught();

/** Gives these figures, evaluation by evaluation. */
function told(values: readonly number[], done = 0): Metric {
  let next = done;
  return {
    name: 'told',
    primary: 'AP',
    evaluate: ({ images }) => ({
      metrics: { AP: images.length === 0 ? -1 : values[next++]!, other: -1 },
      perClass: [],
    }),
  };
}
const patient = (values: readonly number[], patience: number, more: Partial<Config> = {}, done = 0): Config =>
  toyConfig({ epochs: 6, evaluate: { metric: told(values, done) }, stop: { patience }, ...more });
const asks = (when: (event: TrainerEvent) => boolean, name = 'budget'): Listener => ({
  name,
  on: (event) => (when(event) ? 'stop' : undefined),
});
const heard = () => {
  const lines: string[] = [];
  const line = (text: string): void => void lines.push(text);
  return { lines, logger: { info: line, warn: line } };
};
const RISES = [0.1, 0.3, 0.3, 0.2, 0.9, 0.9];

describe('stop', () => {
  it('ends a run once its figure has not risen over so many evaluations', async () => {
    const { out, summary, events } = await run(patient(RISES, 2));
    expect(summary).toMatchObject({
      steps: 16,
      epochs: 6,
      metrics: { AP: 0.3 },
      last: { AP: 0.2 },
      best: { step: 8 },
      early: {
        by: 'stop',
        why: 'AP has not risen over 2 evaluations: it was best, 0.3000, after step 8',
      },
    });
    expect(await readJson(join(out, 'summary.json'))).toEqual(JSON.parse(JSON.stringify(summary)));
    expect(await checkpointNames(out)).toEqual(['best.json', 'step-00000012.json', 'step-00000016.json']);
    expect(events.at(-1)!.type).toBe('end');
    expect(of(events, 'evaluation')).toHaveLength(4);
    expect(await readJson(join(out, 'config.json'))).toMatchObject({ stop: { metric: 'AP', patience: 2 } });
  });

  it('leaves a run alone whose figure rises, or that ends by itself', async () => {
    const { summary } = await run(patient([0.1, 0.2, 0.1, 0.3], 2, { epochs: 4 }));
    expect(summary).toMatchObject({ steps: 16 });
    expect(summary).not.toHaveProperty('early');
    const last = await run(patient([0.3, 0.2, 0.1], 2, { epochs: 3 }));
    expect(last.summary).not.toHaveProperty('early');
  });

  it('counts on over a resume, and writes a checkpoint where none was due', async () => {
    const rare = { checkpoint: { every: 2, keep: 9 } };
    const whole = await run(patient([0.5, 0.4, 0.3, 0.2, 0.1, 0.1], 2, rare));
    expect(whole.summary).toMatchObject({ steps: 12, early: { by: 'stop' } });
    expect(await checkpointNames(whole.out)).toEqual(['best.json', 'step-00000008.json', 'step-00000012.json']);
    const first = await run(patient([0.5, 0.4, 0.3], 2, rare), { stopAt: 9 });
    expect(first.summary).toBeNull();
    const rest = await run(patient([0.5, 0.4, 0.3], 2, rare, 2), { out: first.out, resume: true });
    expect(rest.summary!.early).toEqual(whole.summary!.early);
    expect(await lastState(first.out)).toEqual(await lastState(whole.out));
  });

  it('is finished when it is resumed, and says so; with more patience it goes on', async () => {
    const { out, summary } = await run(patient(RISES, 2));
    const { lines, logger } = heard();
    const again = await run(patient([], 2), { out, resume: true, logger });
    expect(again.summary).toEqual({ ...summary, minutes: again.summary!.minutes });
    expect(again.events.map(({ type }) => type)).toEqual(['start', 'end']);
    expect(lines).toEqual([
      'the run has ended, after step 16 of 24: AP has not risen over 2 evaluations: it was best, 0.3000, after step 8. Nothing is left to train; with a larger stop.patience, or without stop, it goes on.',
    ]);
    const on = await run(patient(RISES, 3, {}, 4), { out, resume: true });
    expect(on.summary).toMatchObject({ steps: 24, metrics: { AP: 0.9 } });
    expect(on.summary).not.toHaveProperty('early');
  });

  it.each([
    ['a figure that is not there', { stop: { metric: 'APP', patience: 1 } }, /stop\.metric: .*no "APP"; .*AP, other/],
    ['no patience', { stop: { patience: 0 } }, /stop\.patience: /],
    ['NaN', { stop: { patience: Number.NaN } }, /stop\.patience: /],
    ['half an evaluation', { stop: { patience: 1.5 } }, /stop\.patience: /],
    ['no evaluation but the last', { evaluate: { every: 0, metric: told([]) } }, /evaluate\.every: 0/],
    ['no validation data', { data: { train: toyData({ images: 8, size: 16 }) } }, /no validation data.*add data\.val/],
  ] as [string, Partial<Config>, RegExp][])('refuses %s, and leaves no folder', async (_, more, message) => {
    const out = join(await temporaryFolder(), 'new');
    await expect(run(patient(RISES, 2, more), { out })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    });
    expect(await checkpointNames(out)).toEqual([]);
  });

  it('names a figure that a metric turns out not to give once it has been asked', async () => {
    const metric: Metric = {
      ...told(RISES),
      evaluate: (truth, found) => {
        if (truth.images.length === 0) throw new Error('no images');
        return told(RISES).evaluate(truth, found);
      },
    };
    await expect(
      run(patient(RISES, 1, { evaluate: { metric }, stop: { metric: 'AP50', patience: 1 } })),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('gives no "AP50"') as string });
  });

  it('refuses a figure that the validation data have nothing for, at the first evaluation', async () => {
    await expect(run(patient(RISES, 1, { stop: { metric: 'other', patience: 1 } }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/no objects that "other" counts/) as string,
    });
  });

  it('takes any number for better than NaN', async () => {
    const { summary } = await run(patient([Number.NaN, 0.1, 0.2, 0.3, 0.4, 0.5], 2));
    expect(summary).not.toHaveProperty('early');
  });

  it('is told by a plan, with the first epoch after which it can end the run', async () => {
    const planned = (patience: number, every: number, lines = heard()) =>
      planRun(patient(RISES, patience, { evaluate: { every, metric: told(RISES) } }), {
        format: jsonFormat,
        logger: lines.logger,
        steps: 0,
      });
    expect((await planned(1, 2)).training.stop).toEqual({ metric: 'AP', patience: 1, earliest: 4 });
    const lines = heard();
    expect((await planned(2, 2, lines)).training.stop).toMatchObject({ earliest: null });
    expect(lines.lines).toEqual([expect.stringMatching(/stop never ends this run: .* 3 evaluations/)]);
    expect(
      (await planRun(toyConfig(), { format: jsonFormat, logger: silentLogger, steps: 0 })).training,
    ).not.toHaveProperty('stop');
  });
});

describe("a listener's 'stop'", () => {
  it('ends the run after the step at hand, with figures of its weights', async () => {
    const { out, summary, events } = await run(toyConfig(), {
      listeners: [asks((event) => event.type === 'step' && event.step === 6)],
    });
    expect(summary).toMatchObject({
      steps: 6,
      early: { by: 'listener budget', why: 'the listener "budget" ended it' },
    });
    expect(of(events, 'evaluation').map(({ step }) => step)).toEqual([4, 6]);
    expect(summary!.last).toEqual(of(events, 'evaluation').at(-1)!.result.metrics);
    expect(await checkpointNames(out)).toEqual(['best.json', 'step-00000004.json', 'step-00000006.json']);
    expect(events.at(-1)!.type).toBe('end');
  });

  it.each([
    ['start', 0],
    ['log', 1],
    ['evaluating', 4],
    ['evaluation', 4],
    ['checkpoint', 4],
  ] as const)('from %s: after step %i', async (type, steps) => {
    const { summary } = await run(toyConfig(), { listeners: [asks((event) => event.type === type)] });
    expect(summary).toMatchObject({ steps, early: { by: 'listener budget' } });
  });

  it('means nothing once all is trained', async () => {
    const { summary } = await run(toyConfig(), {
      listeners: [asks((event) => (event.type === 'step' && event.step === 12) || event.type === 'end')],
    });
    expect(summary).toMatchObject({ steps: 12 });
    expect(summary).not.toHaveProperty('early');
  });

  it('is remembered by a resume, which goes on with other epochs alone', async () => {
    const listeners = [asks((event) => event.type === 'step' && event.step === 6)];
    const { out, summary } = await run(toyConfig(), { listeners });
    const { lines, logger } = heard();
    const again = await run(toyConfig(), { out, resume: true, logger });
    expect(again.summary).toEqual({ ...summary, minutes: again.summary!.minutes });
    expect(lines).toEqual([
      'the run has ended, after step 6 of 12: the listener "budget" ended it. Nothing is left to train; with other epochs it goes on.',
    ]);
    const on = await run(toyConfig({ epochs: 4 }), { out, resume: true });
    expect(on.summary).toMatchObject({ steps: 16 });
    expect(on.summary).not.toHaveProperty('early');
  });

  it('is no other word: such a listener is warned of and left out', async () => {
    const { lines, logger } = heard();
    const { summary } = await run(toyConfig({ epochs: 1 }), {
      logger,
      listeners: [{ name: 'typo', on: () => 'Stop' as 'stop' }],
    });
    expect(summary).not.toHaveProperty('early');
    expect(lines).toEqual([
      `listener "typo" failed and is left out from here: it returned "Stop"; to end the run it returns 'stop', else nothing`,
    ]);
  });
});
