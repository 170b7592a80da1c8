import * as tf from '@tensorflow/tfjs-core';
import { cpuEngine } from '@kd/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  disposeBuilt,
  disposeResult,
  distillation,
  plugin,
  progress,
  step,
  student,
  termsOf,
  toyBatch,
} from '../../test/distillation.js';
import { mimic } from '../../test/mimic.js';
import type { HostBatch } from '../contract/data.js';
import type { Instances, Targets } from '../contract/detector.js';
import type { Hooks, StepView } from '../contract/plugin.js';
import { GradientSum } from './gradient-sum.js';
import { priorInstances, regionInstances } from './instances.js';
import { createRng } from '../rng.js';
import { computeStep, deviceBatch, type StepModels, type StepResult } from './step.js';
import { trainedVariables } from '../variables.js';

let batch: HostBatch;
let tensors: number;
beforeAll(async () => {
  await cpuEngine().start();
  batch = await toyBatch();
  disposeBuilt();
});
beforeEach(() => void (tensors = tf.memory().numTensors));
afterEach(() => {
  disposeBuilt();
  expect(tf.memory().numTensors, 'live tensors after the test').toBe(tensors);
});

const scalar = (of: number): tf.Scalar => tf.scalar(of);
const total = (terms: Record<string, number>): number => Object.values(terms).reduce((sum, term) => sum + term, 0);

/** All gradients as plain numbers; takes the result over. */
function gradientsOf(result: StepResult): Record<string, number[]> {
  const gradients = Object.fromEntries(
    [...result.gradients].map(([path, gradient]) => [path, [...gradient.dataSync()]]),
  );
  disposeResult(result);
  return gradients;
}

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
          drawn.push(rng.uniform());
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

const weights = (response: tf.Tensor) => ({ levels: [], response: response as tf.Tensor2D });

describe('what plugins share in a step', () => {
  it('lets one read what another made inside of its own tidy', async () => {
    const seen: Record<string, number[]> = {};
    const { models } = await distillation([
      plugin('writer', () => ({
        headForward: (view: StepView) => tf.tidy(() => view.weights.set(weights(tf.mul(view.instances.mask, 2)))),
        lossCompose: (view: StepView) => ({ a: tf.tidy(() => tf.sum(view.instances.boxes) as tf.Scalar) }),
      })),
      plugin('reader', () => ({
        lossCompose: (view: StepView) => {
          seen['mask'] = [...view.instances.mask.dataSync()];
          seen['weights'] = [...view.weights.get()!.response.dataSync()];
          seen['boxes'] = view.instances.boxes.shape;
          return { b: tf.sum(view.instances.boxes) as tf.Scalar };
        },
      })),
    ]);
    const terms = termsOf(step(models, batch));
    expect(terms['writer.a']).toBe(terms['reader.b']);
    expect(seen['weights']).toEqual(seen['mask']!.map((one) => 2 * one));
    expect(seen['mask']).toContain(1);
  });

  it('fills the weight channel before any lossCompose, whatever the order of the plugins', async () => {
    const got: unknown[] = [];
    const reader = (name: string) =>
      plugin(name, () => ({
        lossCompose: ({ weights }: StepView) => {
          got.push(weights.get()?.response.shape);
          return {};
        },
      }));
    const writer = plugin('writer', () => ({
      headForward: ({ weights: channel, instances }: StepView) => channel.set(weights(tf.onesLike(instances.mask))),
    }));
    const { models } = await distillation([reader('first'), writer, reader('last')]);
    disposeResult(step(models, batch));
    expect(got).toEqual([
      [4, 20],
      [4, 20],
    ]);
  });

  it.each([
    [
      'a second writer',
      (view: StepView) => view.weights.set(weights(tf.onesLike(view.instances.mask))),
      undefined,
      /second: the weight channel is already filled by first/,
    ],
    [
      'another shape',
      (view: StepView) => view.weights.set(weights(tf.ones([4, 3]))),
      undefined,
      /first: the weight channel holds one weight an instance, \[4, 20\]; got \[4, 3\]/,
    ],
    [
      'a late writer',
      undefined,
      (view: StepView) => {
        view.weights.set(weights(tf.onesLike(view.instances.mask)));
        return {};
      },
      /first: the weight channel can be filled in headForward only/,
    ],
  ])('refuses %s of the weight channel', async (_, headForward, lossCompose, message) => {
    const { models } = await distillation(
      ['first', 'second'].map((name) => plugin(name, () => ({ headForward, lossCompose }))),
    );
    expect(() => step(models, batch)).toThrow(
      expect.objectContaining({ code: 'PLUGIN_HOOK', message: expect.stringMatching(message) }),
    );
  });

  it('tells what plugins watch besides, in no total', async () => {
    const { models } = await distillation([
      plugin('p', () => ({
        lossCompose: () => ({ a: scalar(2) }),
        stats: ({ instances }: StepView) => ({ seen: tf.tidy(() => tf.sum(instances.mask) as tf.Scalar) }),
      })),
    ]);
    const result = step(models, batch);
    expect(result.names.at(-1)).toBe('p.a');
    expect(result.stats).toEqual(['p.seen']);
    expect([...result.terms.dataSync()].slice(result.names.length)).toEqual([
      expect.toSatisfy((seen: number) => seen > 0),
    ]);
    disposeResult(result);
  });

  it('refuses a tap that nobody asked for, listing what was', async () => {
    const { models } = await distillation([
      plugin(
        'p',
        () =>
          ({
            featureTap: (taps) => void taps.of('student', 'neck@p3'),
            lossCompose: ({ student: view }) => ({ a: tf.mean(view.tap('neck@p4')) as tf.Scalar }),
          }) satisfies Hooks,
      ),
    ]);
    expect(() => step(models, batch)).toThrow(
      /tap "neck@p4" of the student was not asked for in featureTap\. Asked for: neck@p3/,
    );
  });

  it("runs part of the teacher's head on the student's features with a gradient for the student alone", async () => {
    const { models } = await distillation([
      plugin(
        'cross',
        () =>
          ({
            featureTap: (taps) => void taps.of('student', 'neck@p3'),
            lossCompose: ({ student: own, teacher }: StepView) => {
              const feature = own.head!.run('cls', own.tap('neck@p3'), { level: 0, to: 1 })['feature']!;
              return { a: tf.mean(teacher.head!.run('cls', feature, { level: 0, from: 1 })['cls']!) as tf.Scalar };
            },
          }) satisfies Hooks,
      ),
    ]);
    const only = { ...models, student: { ...models.student, terms: () => ({ none: scalar(0) }) } };
    const gradients = gradientsOf(step(only, batch));
    expect(gradients['student/head.cls.0/bias']!.some((value) => value !== 0)).toBe(true);
    expect(gradients['student/head.cls.out/kernel']).toBeUndefined();
  });

  describe('the table of instances', () => {
    const targets = (): Targets => ({
      boxes: tf.tensor3d([
        [
          [1, 2, 3, 4],
          [5, 6, 7, 8],
        ],
        [
          [9, 9, 10, 10],
          [0, 0, 0, 0],
        ],
      ]),
      labels: tf.tensor2d(
        [
          [3, 9],
          [4, 0],
        ],
        [2, 2],
        'int32',
      ),
      mask: tf.tensor2d([
        [1, 1],
        [1, 0],
      ]),
      imageSizes: [],
      paddedSize: [8, 8],
      ids: [],
    });
    const matched = (): tf.Tensor2D =>
      tf.tensor2d(
        [
          [-1, 1, -2, 0],
          [-1, -1, -1, 0],
        ],
        [2, 4],
        'int32',
      );
    const read = (table: () => Instances): Record<string, unknown> =>
      tf.tidy(() =>
        Object.fromEntries(
          Object.entries(table()).map(([name, value]: [string, tf.Tensor]) => [name, value.arraySync()]),
        ),
      ) as unknown as Record<string, unknown>;

    it('has the positive priors first, in their order, with their ground truth', () => {
      const table = (): Instances =>
        priorInstances(
          { matched: matched(), positives: tf.tensor1d([2, 1]) },
          tf.tensor2d([
            [0, 0, 1, 1],
            [1, 1, 2, 2],
            [2, 2, 3, 3],
            [3, 3, 4, 4],
          ]),
          targets(),
        );
      expect(read(table)).toEqual({
        mask: [
          [1, 1, 0, 0],
          [1, 0, 0, 0],
        ],
        rows: [
          [1, 3, 0, 0],
          [3, 0, 0, 0],
        ],
        boxes: [
          [
            [1, 1, 2, 2],
            [3, 3, 4, 4],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
          ],
          [
            [3, 3, 4, 4],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
          ],
        ],
        matched: [
          [1, 0, -1, -1],
          [0, -1, -1, -1],
        ],
        targetBoxes: [
          [
            [5, 6, 7, 8],
            [1, 2, 3, 4],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
          ],
          [
            [9, 9, 10, 10],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 0, 0],
          ],
        ],
        labels: [
          [9, 3, 0, 0],
          [4, 0, 0, 0],
        ],
      });
    });

    it('takes the boxes of regions from the own image, and at most as many as the sampler takes positives', () => {
      const boxes = (): tf.Tensor3D =>
        tf.tensor3d([
          [
            [0, 0, 1, 1],
            [1, 1, 2, 2],
            [2, 2, 3, 3],
            [3, 3, 4, 4],
          ],
          [
            [0, 0, 5, 5],
            [1, 1, 5, 5],
            [2, 2, 5, 5],
            [3, 3, 5, 5],
          ],
        ]);
      const table = (): Instances =>
        regionInstances(
          { boxes: boxes(), matched: matched(), maxPositives: 2, sampledPriors: tf.ones([2, 4]) },
          targets(),
        );
      expect(read(table)).toMatchObject({
        mask: [
          [1, 1],
          [1, 0],
        ],
        boxes: [
          [
            [1, 1, 2, 2],
            [3, 3, 4, 4],
          ],
          [
            [3, 3, 5, 5],
            [0, 0, 0, 0],
          ],
        ],
      });
    });

    it('is empty without ground truth', () => {
      const none = (): Targets => ({
        ...targets(),
        boxes: tf.zeros([1, 0, 4]) as tf.Tensor3D,
        labels: tf.zeros([1, 0], 'int32') as tf.Tensor2D,
      });
      const table = (): Instances =>
        priorInstances(
          { matched: tf.fill([1, 2], -1, 'int32') as tf.Tensor2D, positives: tf.zeros([1]) },
          tf.zeros([2, 4]),
          none(),
        );
      expect(read(table)).toMatchObject({
        mask: [[0, 0]],
        labels: [[0, 0]],
        targetBoxes: [
          [
            [0, 0, 0, 0],
            [0, 0, 0, 0],
          ],
        ],
      });
    });
  });

  it("gives both models' logits of the instances, with a gradient for the student alone", async () => {
    const seen: number[][] = [];
    const { models } = await distillation([
      plugin('p', () => ({
        lossCompose: ({ student: own, teacher, instances }: StepView) =>
          tf.tidy(() => {
            seen.push(own.ofInstances.logits.shape, teacher.ofInstances.logits.shape, instances.mask.shape);
            const gap = tf.mul(
              tf.sub(own.ofInstances.logits, teacher.ofInstances.logits),
              tf.expandDims(instances.mask, -1),
            );
            return { a: tf.sum(tf.square(gap)) as tf.Scalar };
          }),
      })),
    ]);
    const only = { ...models, student: { ...models.student, terms: () => ({ none: scalar(0) }) } };
    const gradients = gradientsOf(step(only, batch));
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]!.slice(0, 2)).toEqual(seen[2]);
    expect(gradients['student/head.cls.out/kernel']!.some((value) => value !== 0)).toBe(true);
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
      rng: createRng(0),
    };
    const onDevice = deviceBatch(batch);
    const before = tf.memory().numTensors;
    expect(() => computeStep(models, onDevice.images, onDevice.targets, progress())).toThrow();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([onDevice.images, onDevice.targets.boxes, onDevice.targets.labels, onDevice.targets.mask]);
  });
});
