import { describe, expect, it } from 'vitest';
import { jsonFormat } from '@kd/testing';
import { helped } from '../../test/helped.js';
import { calls, mimic } from '../../test/mimic.js';
import { lastState, of, type Ran, run, toyConfig } from '../../test/toy-run.js';
import { taughtToMimic } from '../../test/taught.js';

const { distilled } = taughtToMimic();

describe('a resumed run', () => {
  it.each([
    [5, 'inside of an epoch'],
    [8, 'between epochs'],
    [1, 'in the first epoch'],
  ])('ends as the whole one, bit for bit (stopped after step %i, %s)', async (stopAt) => {
    const whole = await run(distilled());
    const first = await run(distilled(), { stopAt });
    expect(first.summary).toBeNull();
    expect(of(first.events, 'stopped')).toMatchObject([{ step: stopAt }]);
    const second = await run(distilled(), { out: first.out, resume: true });
    expect(of(second.events, 'start')[0]!.run.startStep).toBe(stopAt);
    expect(await lastState(first.out)).toEqual(await lastState(whole.out));
    const logs = (ran: Ran) => of(ran.events, 'log').map(({ step, terms, lr }) => ({ step, terms, lr }));
    expect([...logs(first), ...logs(second)]).toEqual(logs(whole));
    expect({
      ...second.summary,
      minutes: 0,
      minutesEvaluating: 0,
      best: { ...second.summary!.best, checkpoint: '' },
    }).toEqual({
      ...whole.summary,
      minutes: 0,
      minutesEvaluating: 0,
      best: { ...whole.summary!.best, checkpoint: '' },
    });
  });

  it.each([
    [3, 'info', /^the run has done 12 steps \(3 epochs\), all that epochs: 3 asks for: nothing is left to train\.$/],
    [2, 'warn', /^the run has done 12 steps \(3 epochs\), more than epochs: 2 asks for: nothing is trained/],
  ] as const)('to %i epochs that it has says so', async (epochs, level, message) => {
    const { out } = await run(toyConfig());
    const said = { info: [] as string[], warn: [] as string[] };
    const logger = {
      info: (line: string) => void said.info.push(line),
      warn: (line: string) => void said.warn.push(line),
    };
    const again = await run(toyConfig({ epochs }), { out, resume: true, logger });
    expect(said[level]).toContainEqual(expect.stringMatching(message));
    expect(of(again.events, 'step')).toEqual([]);
  });

  it('ends as the whole one with accumulated batches and AdamW', async () => {
    const config = () => distilled({ accumulate: 2, optimizer: { name: 'adamw', lr: 0.01 }, clipNorm: 1, epochs: 4 });
    const whole = await run(config());
    const first = await run(config(), { stopAt: 3 });
    await run(config(), { out: first.out, resume: true });
    expect(await lastState(first.out)).toEqual(await lastState(whole.out));
  });

  it('ends as the whole one with variables that an optimiser of their own moves', async () => {
    const config = () => distilled({ distillers: [helped(), mimic({})] });
    const whole = await run(config());
    const first = await run(config(), { stopAt: 5 });
    await run(config(), { out: first.out, resume: true });
    const state = await lastState(first.out);
    expect(state).toEqual(await lastState(whole.out));
    const ofIts = [...state.tensors.keys()].filter((name) => name.includes('gain')).sort();
    expect(ofIts).toEqual([
      'ema/plugin/helped/gain',
      ...['count', 'm', 'v'].map((slot) => `optimizer/${slot}/plugin/helped/gain`),
      'plugin/helped/gain',
    ]);
    const { tensors } = await jsonFormat.read(whole.summary!.best!.checkpoint);
    expect([...tensors.keys()].filter((name) => !name.startsWith('student/'))).toEqual([]);
  });

  it('would not if a stream of random numbers were lost: other seeds end elsewhere', async () => {
    const [a, b] = [await run(distilled()), await run(distilled({ seed: 1 }))];
    expect((await lastState(a.out)).tensors).not.toEqual((await lastState(b.out)).tensors);
  });

  it('reads the result of a data set pass once instead of passing again', async () => {
    const first = await run(distilled({ epochs: 5 }), { stopAt: 14 });
    expect(calls).toEqual(['run mimic 0', 'use mimic', 'run mimic 2', 'use mimic', 'dispose mimic']);
    calls.length = 0;
    await run(distilled({ epochs: 5 }), { out: first.out, resume: true });
    expect(calls).toEqual(['use mimic', 'run mimic 4', 'use mimic', 'dispose mimic']);
  });

  it('keeps the summary when there is nothing left to do', async () => {
    const done = await run(toyConfig());
    const again = await run(toyConfig(), { out: done.out, resume: true });
    expect(again.summary).toMatchObject({
      metrics: done.summary!.metrics,
      last: done.summary!.last,
      best: done.summary!.best,
      steps: 12,
    });
  });
});
