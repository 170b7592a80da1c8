import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  disposeBuilt,
  disposeResult,
  gradientsOf,
  distillation,
  plugin,
  progress,
  step,
  student,
  termsOf,
  toyBatch,
} from '../../test/distillation.js';
import { helped } from '../../test/helped.js';
import { mimic } from '../../test/mimic.js';
import { expectNoLeaks } from '../../test/live-tensors.js';
import type { HostBatch } from '../contract/data.js';
import type { Hooks, StepView } from '../contract/plugin.js';
import { GradientSum } from './gradient-sum.js';
import type { StepModels } from './step-models.js';
import { computeStep, deviceBatch } from './step.js';
import { disposeAll } from '../tidy.js';
import { trainedVariables } from '../variables.js';

let batch: HostBatch;
beforeAll(async () => {
  await cpuEngine().start();
  batch = await toyBatch();
  disposeBuilt();
});
expectNoLeaks(disposeBuilt);

const scalar = (of: number): tf.Scalar => tf.scalar(of);
const total = (terms: Record<string, number>): number => Object.values(terms).reduce((sum, term) => sum + term, 0);

describe('computeStep', () => {
  it("gives the detector's terms and the plugins', each with its schedule, and the gradient of their sum", async () => {
    const { models } = await distillation([
      mimic({ weight: 3, growth: 0 }),
      { ...mimic({ growth: 0 }), as: 'second' },
      plugin('constant', () => ({ lossCompose: () => ({ a: scalar(2), b: scalar(5) }), schedule: () => 0.5 })),
    ]);
    const terms = termsOf(step(models, batch));
    expect(Object.keys(terms)).toEqual(['cls', 'reg', 'mimic.feat', 'second.feat', 'constant.a', 'constant.b']);
    expect([terms['constant.a'], terms['constant.b']]).toEqual([1, 2.5]);

    // The gradient against a difference quotient of the sum of the terms.
    const gradients = gradientsOf(step(models, batch, progress(3)));
    for (const path of ['student/neck.p3/kernel', 'student/head.cls.out/bias', 'plugin/mimic/adapter']) {
      const { variable } = models.variables.find((one) => one.path === path)!;
      const values = variable.dataSync().slice();
      const at = (shift: number): number => {
        const moved = tf.tensor(
          values.map((value, i) => value + (i === 1 ? shift : 0)),
          variable.shape,
        );
        variable.assign(moved);
        moved.dispose();
        return total(termsOf(step(models, batch, progress(3))));
      };
      const h = 1e-2;
      const quotient = (at(h) - at(-h)) / (2 * h);
      at(0);
      const expected = gradients[path]![1]!;
      expect(Math.abs(quotient - expected), path).toBeLessThan(0.05 * Math.abs(expected) + 0.05);
    }
  });

  it("reaches the student and the plugin's variables, never the teacher or frozen variables", async () => {
    const { models, teacher } = await distillation([mimic({})]);
    const before = teacher.variables.map(({ variable }) => [...variable.dataSync()]);
    const gradients = gradientsOf(step(models, batch));
    expect(Object.keys(gradients).sort()).toEqual(models.variables.map(({ path }) => path).sort());
    expect(Object.keys(gradients).some((path) => path.includes('moving_mean'))).toBe(false);
    for (const [path, gradient] of Object.entries(gradients))
      expect(
        gradient.some((value) => value !== 0),
        path,
      ).toBe(true);
    expect(teacher.variables.map(({ variable }) => [...variable.dataSync()])).toEqual(before);
  });

  it("lets a term reach the plugin's own variables alone, with the gradient it has, and leaves the rest as it was", async () => {
    const [plain, { models }] = [await distillation([mimic({})]), await distillation([mimic({}), helped()])];
    const without = gradientsOf(step(plain.models, batch));
    const { 'plugin/helped/gain': gain, ...others } = gradientsOf(step(models, batch));
    expect(others).toEqual(without);
    const at = (value: number): number => {
      tf.tidy(() =>
        models.variables.find(({ path }) => path === 'plugin/helped/gain')!.variable.assign(tf.scalar(value)),
      );
      return termsOf(step(models, batch))['helped.helper']!;
    };
    expect(gain![0]).not.toBe(0);
    expect(gain![0]! / ((at(2.5) - at(1.5)) / 1)).toBeCloseTo(1, 3);
  });

  it('refuses a term that depends on no variable of the plugin', async () => {
    const { models } = await distillation([
      plugin('p', () => ({ lossCompose: ({ ownOnly }: StepView) => ({ x: ownOnly(tf.scalar(1)) }) })),
    ]);
    expect(() => step(models, batch)).toThrow(
      expect.objectContaining({
        code: 'PLUGIN_HOOK',
        message: expect.stringContaining('depends on none of the plugin') as string,
      }),
    );
  });

  it('assigns nothing: running statistics are outputs', async () => {
    const { models, student: of } = await distillation([]);
    const mean = of.variables.find(({ path }) => path.endsWith('moving_mean'))!.variable;
    const before = [...mean.dataSync()];
    const result = step(models, batch);
    expect([...mean.dataSync()]).toEqual(before);
    expect(result.updates).toHaveLength(1);
    expect([...result.updates[0]!.value.dataSync()]).not.toEqual(before);
    disposeResult(result);
  });

  it('asks the teacher for nothing when nobody distils', async () => {
    const { models, teacher } = await distillation([]);
    const watched: StepModels = {
      ...models,
      teacher: {
        ...teacher,
        forward: () => {
          throw new Error('the teacher was asked');
        },
      },
    };
    disposeResult(step(watched, batch));
  });

  it("computes the teacher's predictions once, off the tape, and only when a plugin reads them", async () => {
    const reader = (name: string): ReturnType<typeof plugin> =>
      plugin(name, () => ({
        lossCompose: ({ teacher: { predictions } }: StepView) => ({
          cls: tf.tidy(() => tf.add(tf.mean(predictions['cls']![0]!), tf.mean(predictions['cls']![1]!)) as tf.Scalar),
        }),
      }));
    const late = async (
      ...uses: Parameters<typeof distillation>[0]
    ): Promise<{
      readonly computed: number;
      readonly terms: Record<string, number>;
      readonly eager: Record<string, number>;
    }> => {
      const { models, teacher } = await distillation(uses);
      let computed = 0;
      const forward: typeof teacher.forward = (images, { lazy, ...options }) => {
        expect(lazy).toBe(true);
        const { predictions, ...output } = teacher.forward(images, options);
        const compute = (): typeof predictions => {
          computed += 1;
          const recorded = tf.engine().state.activeTape!.length;
          const made = Object.fromEntries(
            Object.entries(predictions).map(([name, maps]) => [name, maps.map((map) => tf.add(map, 0) as tf.Tensor4D)]),
          );
          expect(tf.engine().state.activeTape).toHaveLength(recorded);
          return made;
        };
        let made: typeof predictions | undefined;
        return {
          ...output,
          get predictions() {
            return (made ??= compute());
          },
        };
      };
      const terms = termsOf(step({ ...models, teacher: { ...teacher, forward } }, batch));
      return { computed, terms, eager: termsOf(step(models, batch)) };
    };
    expect((await late(mimic({ growth: 0 }))).computed).toBe(0);
    const { computed, terms, eager } = await late(reader('a'), mimic({ growth: 0 }), reader('b'));
    expect(computed).toBe(1);
    expect(terms).toEqual(eager);
    expect(terms['a.cls']).toBe(terms['b.cls']);
  });

  it('leaves out variables without a gradient', async () => {
    const { models } = await distillation([
      plugin('idle', (scope) => ({ featureTap: () => void scope.variable('unused', tf.scalar(1)) })),
    ]);
    const paths = Object.keys(gradientsOf(step(models, batch)));
    expect(models.variables.map(({ path }) => path)).toContain('plugin/idle/unused');
    expect(paths).not.toContain('plugin/idle/unused');
  });

  it('is finite on images without objects', async () => {
    const { models } = await distillation([mimic({})]);
    const empty: HostBatch = {
      ...batch,
      boxes: new Float32Array(0),
      labels: new Int32Array(0),
      mask: new Float32Array(0),
      maxBoxes: 0,
    };
    for (const value of Object.values(termsOf(step(models, empty)))) expect(Number.isFinite(value)).toBe(true);
  });

  it('gives two halves of a batch the mean gradient of the whole, for losses that are means', async () => {
    const { models } = await distillation([
      plugin('l2', () => {
        let names: string[] = [];
        return {
          featureTap: (taps) => void (names = taps.pair('neck@p3').map(({ student: tap }) => tap.name)),
          lossCompose: (view) => ({
            feat: tf.mean(tf.square(tf.sub(view.student.tap(names[0]!), view.teacher.tap(names[0]!)))) as tf.Scalar,
          }),
        } satisfies Hooks;
      }),
    ]);
    // The detector's own terms are divided by the number of positives, and its batch statistics see the whole batch:
    // leave both out.
    const mean: StepModels = {
      ...models,
      student: {
        ...models.student,
        forward: (images, options) => models.student.forward(images, { ...options, training: false }),
        terms: () => ({ none: scalar(0) }),
      },
    };
    const part = (from: number, to: number): HostBatch => ({
      ...batch,
      shape: [to - from, 32, 32, 3],
      images: batch.images.slice(from * 3072, to * 3072),
      boxes: batch.boxes.slice(from * batch.maxBoxes * 4, to * batch.maxBoxes * 4),
      labels: batch.labels.slice(from * batch.maxBoxes, to * batch.maxBoxes),
      mask: batch.mask.slice(from * batch.maxBoxes, to * batch.maxBoxes),
      imageSizes: batch.imageSizes.slice(from, to),
      originalSizes: batch.originalSizes.slice(from, to),
      ids: batch.ids.slice(from, to),
    });
    const whole = gradientsOf(step(mean, batch));
    const sum = new GradientSum(2);
    for (const half of [part(0, 2), part(2, 4)]) {
      const { terms, gradients } = step(mean, half);
      terms.dispose();
      sum.add(gradients);
    }
    expect(sum.complete).toBe(true);
    for (const [path, gradient] of sum.mean()) {
      const values = gradient.dataSync();
      const largest = Math.max(...whole[path]!.map(Math.abs));
      whole[path]!.forEach((expected, i) =>
        expect(Math.abs(values[i]! - expected)).toBeLessThanOrEqual(1e-5 * largest),
      );
    }
    expect([...sum.mean().keys()]).toEqual(Object.keys(whole));
    sum.reset();
  });

  it('gives the same numbers twice, and other random numbers at another step or batch of a step', async () => {
    const drawn: number[] = [];
    const { models } = await distillation([
      plugin('dice', () => ({
        lossCompose: ({ rng }: StepView) => {
          drawn.push(rng.uniform([]).dataSync()[0]!);
          return { none: scalar(0) };
        },
      })),
    ]);
    for (const at of [progress(1), progress(1), progress(2), { ...progress(1), micro: 1 }])
      disposeResult(step(models, batch, at));
    expect(drawn[1]).toBe(drawn[0]);
    expect(new Set(drawn).size).toBe(3);
  });

  it('keeps the number of live tensors', async () => {
    const { models } = await distillation([mimic({})]);
    disposeResult(step(models, batch));
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) disposeResult(step(models, batch));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a step that fails', () => {
  const faults: [string, Partial<Record<keyof Hooks, unknown>>, RegExp][] = [
    [
      'headForward throws',
      {
        headForward: () => {
          throw new Error('oh');
        },
      },
      /^p\.headForward threw: oh$/,
    ],
    [
      'lossCompose throws',
      {
        lossCompose: () => {
          throw new Error('no');
        },
      },
      /^p\.lossCompose threw: no$/,
    ],
    [
      'schedule throws',
      {
        schedule: () => {
          throw new Error('off');
        },
        lossCompose: () => ({}),
      },
      /^p\.schedule threw: off$/,
    ],
    ['schedule is not finite', { schedule: () => NaN, lossCompose: () => ({}) }, /^p\.schedule returned NaN at step 0/],
    ['headForward returns a promise', { headForward: async () => {} }, /^p\.headForward returned a promise/],
    [
      'lossCompose returns a promise',
      { lossCompose: async () => ({ a: 1 }) },
      /^p\.lossCompose returned a promise.*datasetPass/,
    ],
    [
      'a rejected promise',
      {
        lossCompose: async () => {
          throw new Error('late');
        },
      },
      /^p\.lossCompose returned a promise/,
    ],
    [
      'a term is no scalar',
      { lossCompose: () => ({ feat: tf.zeros([2, 3]) }) },
      /^p\.lossCompose: term "feat" must be a scalar tensor; got shape \[2, 3\]/,
    ],
    [
      'a term is freed',
      {
        lossCompose: () => {
          const term = scalar(1);
          term.dispose();
          return { feat: term };
        },
      },
      /^p\.lossCompose: term "feat" was freed before it was read/,
    ],
    [
      'a term is a number',
      { lossCompose: () => ({ feat: 3 }) },
      /^p\.lossCompose: term "feat" must be a scalar tensor; got number/,
    ],
  ];
  it.each(faults)('names plugin and hook and leaves no tensor: %s', async (_, hooks, message) => {
    const { models } = await distillation([mimic({}), plugin('p', () => hooks)]);
    const before = tf.memory().numTensors;
    expect(() => step(models, batch)).toThrow(
      expect.objectContaining({ code: 'PLUGIN_HOOK', message: expect.stringMatching(message) }),
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves no tensor when no variable takes part', () => {
    const detector = student();
    const models: StepModels = {
      student: { ...detector, terms: () => ({ none: scalar(1) }) },
      teacher: null,
      distillers: [],
      taps: { student: [], teacher: [] },
      variables: trainedVariables(detector, []),
      seed: 0,
    };
    const onDevice = deviceBatch(batch);
    const before = tf.memory().numTensors;
    expect(() => computeStep(models, onDevice.images, onDevice.targets, progress())).toThrow();
    expect(tf.memory().numTensors).toBe(before);
    disposeAll(onDevice);
  });
});
