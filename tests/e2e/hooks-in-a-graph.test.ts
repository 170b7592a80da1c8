// What a graph would repeat wrongly, in hooks of plugins: refused or told, by plugin, hook and line; or an input of it.
import { join } from 'node:path';
import { definePlugin, type NamedTensors, type Progress, type StepView, type TapInfo } from '@kd/core';
import { safetensorsFormat } from '@kd/weights';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { ENGINE, namedEngine } from '../named-engine.js';
import { temporaryFolder } from './kd.js';
import { KINDS } from './tiny-detectors.js';
import { logsOf, picturesFor, type TinyOptions, trainTiny } from './train-tiny.js';

const folder = temporaryFolder();
const engine = await namedEngine();
const model = KINDS.retinanet;

/** Four steps, and what was said of them. */
async function trained(
  name: string,
  distillers: readonly unknown[],
  compile = true,
  more: object = {},
  options: Partial<TinyOptions> = {},
) {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  const events = await trainTiny(
    {
      engine,
      student: model(4),
      teacher: { weights: join(folder, 'teacher') },
      distillers,
      data: picturesFor('hooks', 8),
      batchSize: 2,
      optimizer: { name: 'sgd', lr: 0.02 },
      compile,
      ...more,
    },
    { out: join(folder, name), logger: { info: say, warn: say }, ...options },
  );
  const file = events.flatMap((event) => (event.type === 'checkpoint' ? [event.file] : [])).at(-1)!;
  return { said, logs: logsOf(events), file };
}

beforeAll(async () => {
  const config = { engine, student: model(6), data: picturesFor('hooks', 4), batchSize: 4, compile: false };
  await trainTiny(config, { out: join(folder, 'teacher') });
});

type Logs = Awaited<ReturnType<typeof trained>>['logs'];

function sameTerms(logs: Logs, expected: Logs): void {
  expect(logs).toHaveLength(4);
  logs.forEach(({ step, terms }, i) => {
    for (const [term, value] of Object.entries(expected[i]!.terms))
      expect(Math.abs(terms[term]! - value) / value, `${term} at step ${step}`).toBeLessThan(1e-4);
  });
}

/** A distiller whose one term is a part of a feature's mean square times something. */
const rogue = (hooks: (mean: (step: StepView) => tf.Scalar) => object) =>
  definePlugin({
    name: 'rogue',
    apiVersion: 1,
    options: v.strictObject({}),
    requires: {},
    create: () => {
      let tap: TapInfo;
      const mean = (step: StepView) => tf.mul(0.1, tf.mean(tf.square(step.student.tap(tap)))) as tf.Scalar;
      return { featureTap: (taps) => void (tap = taps.pair('neck@*')[0]!.student), ...hooks(mean) };
    },
  })({});

const times = (factor: (step: StepView, mean: tf.Scalar) => tf.TensorLike | tf.Tensor) =>
  rogue((mean) => ({
    lossCompose: (step: StepView) => ({ a: tf.mul(mean(step), factor(step, mean(step))) }),
  }));

describe.runIf(ENGINE === 'tensorflow')('a hook that a graph would repeat wrongly', () => {
  const here = /\(.*tests\/e2e\/hooks-in-a-graph\.test\.ts:\d+\)/;
  const refusal = /the training step cannot be compiled/;

  it.each<[string, RegExp, ReturnType<typeof rogue>]>([
    ['reads a value', /read while tracing/, times((_, mean) => mean.dataSync()[0]!)],
    [
      'reads a value and does not wait',
      /rogue\.lossCompose.*read while tracing/,
      times((_, mean) => {
        void mean.data().then(() => {});
        return 1;
      }),
    ],
    ['branches on a value', /read while tracing/, times((_, mean) => (mean.arraySync() > 0 ? 1 : 2))],
    ['reads the progress', /progress\.step is read/, times(({ progress }) => progress.step)],
    ['looks at ids', /targets\.ids is read/, times(({ targets }) => targets.ids.length)],
    ['draws without a seed', /same at every call/, times(() => tf.randomUniform([]))],
    ['has a shape that depends on data', /depends on data/, times(() => tf.sum(tf.unique(tf.tensor1d([1, 1])).values))],
  ])('%s: refused by plugin, hook and line, once, and learns op by op', async (name, why, distiller) => {
    const { said, logs } = await trained(`rogue-${name}`, [distiller]);
    expect(logs).toHaveLength(4);
    const told = said.filter((text) => refusal.test(text));
    expect(told).toHaveLength(1);
    for (const part of ['rogue.lossCompose', why, here, 'Such steps run op by op.']) expect(told[0]).toMatch(part);
  });

  it('keeps a tensor of each step: refused by plugin, hook and line', async () => {
    const kept = () => {
      let last: tf.Tensor | null = null;
      return rogue((mean) => ({
        lossCompose: (step: StepView) => {
          const now = mean(step);
          const sum = last === null ? now : tf.add(now, last);
          last?.dispose();
          last = tf.keep(tf.clone(now));
          return { a: sum };
        },
        dispose: () => void last?.dispose(),
      }));
    };
    const plain = await trained('rogue-kept-plain', [kept()], false);
    const { said, logs } = await trained('rogue-kept', [kept()]);
    sameTerms(logs, plain.logs);
    const told = said.filter((text) => refusal.test(text));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /\(a scalar at tests\/e2e\/hooks-in-a-graph\.test\.ts:\d+\) .*kept beyond it by rogue\.lossCompose/,
    );
  });

  it('uses a tensor from before: told by plugin, hook and line; refused once it has another', async () => {
    const bank = (changes: boolean) => {
      let [weight, steps] = [tf.tensor1d([1, 2]), 0];
      return rogue((mean) => ({
        schedule: () => {
          if (changes && ++steps % 2 === 0) {
            weight.dispose();
            weight = tf.keep(tf.tensor1d([steps, steps]));
          }
          return 1;
        },
        lossCompose: (step: StepView) => ({ a: tf.mul(tf.sum(weight), mean(step)) as tf.Scalar }),
        dispose: () => weight.dispose(),
      }));
    };
    const used = await trained('rogue-used', [bank(false)]);
    expect(used.said.filter((text) => refusal.test(text))).toEqual([]);
    const told = used.said.filter((text) => text.includes('not made in it'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/\[2\], that rogue\.lossCompose reads/);
    expect(told[0]).toMatch(here);
    const changed = await trained('rogue-changed', [bank(true)]);
    const refused = changed.said.filter((text) => refusal.test(text));
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatch(
      /a tensor \(\[2\].*\), which it was traced with by rogue\.lossCompose, was disposed of since/,
    );
  });
});

/** A variable of a plugin. */
const scalar = (value: number) => tf.tidy(() => tf.variable(tf.scalar(value), false));

it.runIf(ENGINE === 'tensorflow')(
  'leaves what hooks assigned as it was before a step that fails while it runs, and goes on from there',
  async () => {
    const counting = (failsAt: number) => {
      const count = scalar(0);
      return rogue((mean) => ({
        lossCompose: (step: StepView) => {
          count.assign(tf.add(count, 1));
          const place = step.scalar((now) => (now.step === failsAt ? 9 : 0));
          return { a: tf.mul(mean(step), tf.gather(tf.tensor1d([1, 2]), tf.cast(place, 'int32'))) };
        },
        state: async () => new Map([['count', { dtype: 'F32', shape: [], data: await count.data<'float32'>() }]]),
        restore: (state: NamedTensors) => tf.tidy(() => count.assign(tf.scalar(Number(state.get('count')!.data[0])))),
        dispose: () => count.dispose(),
      }));
    };
    const parts = { batchSize: 1, accumulate: 2 };
    const tensorsOf = async ({ file }: { file: string }) => (await safetensorsFormat.read(file)).tensors;
    await expect(trained('counting', [counting(2)], true, parts)).rejects.toThrow('is not in [0, 2)');
    const resumed = await tensorsOf(await trained('counting', [counting(-1)], true, parts, { resume: true }));
    const whole = await tensorsOf(await trained('counting-whole', [counting(-1)], true, parts));
    expect(whole.get('state/rogue/count')!.data).toEqual(Float32Array.of(8));
    for (const [tensor, { data }] of whole) expect(resumed.get(tensor)!.data, tensor).toEqual(data);
  },
);

it('goes on where a pass replaces a variable that its hook assigns', async () => {
  const replacing = () => {
    let count = scalar(1);
    return rogue((mean) => ({
      datasetPass: {
        every: { steps: 2 },
        run: async () => new Map(),
        use: () => {
          count.dispose();
          count = scalar(1);
        },
      },
      lossCompose: (step: StepView) => {
        count.assign(tf.add(count, 1));
        return { a: tf.mul(count, mean(step)), count: tf.mul(count, 1) };
      },
      dispose: () => count.dispose(),
    }));
  };
  const plain = await trained('replacing-plain', [replacing()], false);
  const { said, logs } = await trained('replacing', [replacing()]);
  expect(said.filter((text) => text.includes('op by op'))).toEqual([]);
  expect(logs.map(({ terms }) => terms['rogue.count'])).toEqual([2, 3, 2, 3]);
  sameTerms(logs, plain.logs);
});

it('takes what changes from step to step anew: rates, factors, scalars of the progress, random numbers', async () => {
  const factors = [1, 3, 0.5, 2];
  const changing = () =>
    rogue((mean) => ({
      schedule: ({ step }: Progress) => factors[step]!,
      lossCompose: (step: StepView) => ({
        scaled: tf.mul(
          mean(step),
          step.scalar(({ fraction }) => 1 + fraction),
        ),
        noisy: tf.mul(mean(step), tf.mean(step.rng.uniform([2]))),
      }),
      stats: (step: StepView) => ({
        mean: mean(step),
        drawn: step.rng.stream('stats').uniform([]),
        at: step.scalar((at) => at.step),
      }),
    }));
  // A rate that is nearly 0 at first: kept, it would leave the weights where they are.
  const rates = { schedule: { kind: 'cosine', warmup: { steps: 2, factor: 1e-3 } } };
  const plain = await trained('changing-plain', [changing()], false, rates);
  const { said, logs } = await trained('changing', [changing()], true, rates);
  expect(said.filter((text) => text.includes('op by op'))).toEqual([]);
  logs.forEach(({ terms, stats }, i) => {
    const { 'rogue.at': at, 'rogue.drawn': drawn, 'rogue.mean': mean } = stats!;
    expect([at, drawn]).toEqual([i, plain.logs[i]!.stats!['rogue.drawn']]);
    expect(terms['rogue.scaled']! / mean!).toBeCloseTo(factors[i]! * (1 + i / 4), 4);
  });
  expect(new Set(logs.map(({ stats }) => stats!['rogue.drawn'])).size).toBe(4);
  expect(logs.map(({ lr }) => lr)).toEqual(plain.logs.map(({ lr }) => lr));
  sameTerms(logs, plain.logs);
});

it('asks a distiller nothing in the steps whose factor is 0, and goes on with it after them', async () => {
  const sometimes = () =>
    rogue((mean) => ({
      schedule: ({ step }: Progress) => [1, 0, 0, 2][step]!,
      lossCompose: (step: StepView) => ({ a: mean(step) }),
    }));
  const plain = await trained('sometimes-plain', [sometimes()], false);
  const { logs } = await trained('sometimes', [sometimes()]);
  const asked = logs.map(({ terms }) => 'rogue.a' in terms);
  expect(asked).toEqual([true, false, false, true]);
  expect(logs.map(({ terms }) => Object.keys(terms))).toEqual(plain.logs.map(({ terms }) => Object.keys(terms)));
  sameTerms(logs, plain.logs);
});
