import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import {
  createRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginDefinition,
  type PluginScope,
  type StepView,
  type TapInfo,
  TapRegistry,
  type Usable,
} from '@kd/core';
import { instanceCells } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { frs, pfi, pfiLoss, richnessLoss, type ScoredMaps } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const SIZES: Readonly<Record<string, number>> = { 'neck@p3': 4, 'neck@p4': 2 };
const TAPS: readonly TapInfo[] = [
  { name: 'neck@p3', stride: 8, channels: 2 },
  { name: 'neck@p4', stride: 16, channels: 2 },
];
const dense = (change: object = {}): Partial<Detector> => ({
  dense: { boxes: 'delta', priorsPerCell: 1, coding: { strides: [8] }, ...change },
});
const twoStage = { secondStage: { background: 0 } } as unknown as Partial<Detector>;

/** The plugin behind core's own tap pairing, on detectors that consist of taps. */
function stage(plugin: unknown, options: object, student = dense(), teacher: Partial<Detector> = student) {
  const { definition } = plugin as Usable<PluginDefinition<never>, never>;
  const detector = (name: string, members: Partial<Detector>) =>
    ({
      name,
      taps: TAPS,
      capabilities: new Set(),
      categories: [{ id: 1, name: 'a' }],
      ...members,
    }) as unknown as Detector;
  const models = { student: detector('small', student), teacher: detector('large', teacher) };
  const variables = new Map<string, tf.Tensor>();
  const scope = {
    id: definition.name,
    ...models,
    rng: createRng(1),
    variable: (name: string, value: tf.Tensor) => (variables.set(name, value), value),
  } as unknown as PluginScope;
  const hooks: Hooks = definition.create(scope, parseOptions(definition.options, options, definition.name));
  hooks.featureTap!(new TapRegistry(models).for(definition.name));
  return { hooks, variables };
}

const maps = (seed: number, channels: number): tf.Tensor4D[] =>
  Object.values(SIZES).map((cells, i) => tf.randomNormal([1, cells, cells, channels], 0, 1, 'float32', seed + i));

const BOX = [[0, 0, 16, 16]];

function stepOf({ trust, scores = 3 }: { trust?: readonly number[]; scores?: number } = {}): StepView {
  const model = (seed: number) => {
    const features = maps(seed, 2);
    return {
      tap: ({ name }: TapInfo) => features[Object.keys(SIZES).indexOf(name)]!,
      predictions: { cls: maps(seed + 50, scores) },
    };
  };
  const weights = trust && {
    levels: trust.slice(0, 2).map((weight) => tf.tensor2d([[weight]])),
    response: tf.tensor2d([[trust[2]!]]),
  };
  return {
    student: model(1),
    teacher: model(11),
    targets: { boxes: tf.tensor3d([BOX]), mask: tf.ones([1, 1]) },
    instances: { matched: tf.zeros([1, 1], 'int32') },
    weights: { get: () => weights ?? null },
  } as unknown as StepView;
}

/** What the step holds, for the functions. */
function levels(trust?: readonly number[]): ScoredMaps[] {
  const step = stepOf(trust ? { trust } : {});
  const given = step.weights.get();
  return TAPS.map((tap, i) => {
    const cells = Object.values(SIZES)[i]!;
    const size = { stride: tap.stride, height: cells, width: cells };
    return {
      student: step.student.tap(tap),
      teacher: step.teacher.tap(tap),
      studentScores: step.student.predictions['cls']![i]!,
      teacherScores: step.teacher.predictions['cls']![i]!,
      ...(given && {
        featureWeights: instanceCells(given.levels[i]!, step, size),
        scoreWeights: instanceCells(given.response, step, size),
      }),
    };
  });
}

const terms = (hooks: Hooks, step = stepOf()): Record<string, number> =>
  tf.tidy(() =>
    Object.fromEntries(Object.entries(hooks.lossCompose!(step)).map(([name, term]) => [name, term.dataSync()[0]!])),
  );

const none = { adapter: 'none' };
const TRUST = [0.5, 0.25, 0.1];

describe('pfi', () => {
  it('weighs 1.5, behind a 1x1 convolution a level', () => {
    expect(terms(stage(pfi, none).hooks)['imitation']).toBeCloseTo(1.5 * pfiLoss(levels()).dataSync()[0]!, 6);
    const { variables } = stage(pfi, {});
    expect(variables.get('neck@p3/kernel')!.shape).toEqual([1, 1, 2, 2]);
    expect([...variables.keys()]).toContain('neck@p4/kernel');
  });

  it('counts the cells of objects by the weights of their level, unless told not to', () => {
    const step = stepOf({ trust: TRUST });
    const wanted = pfiLoss(levels(TRUST)).dataSync()[0]!;
    expect(terms(stage(pfi, { ...none, weight: 1 }).hooks, step)['imitation']).toBeCloseTo(wanted, 6);
    expect(wanted).not.toBeCloseTo(pfiLoss(levels()).dataSync()[0]!, 3);
    expect(terms(stage(pfi, { ...none, instanceWeights: false }).hooks, step)).toEqual(terms(stage(pfi, none).hooks));
  });
});

describe('frs', () => {
  it.each([
    ['offsets', dense(), 0.005, 0.02],
    ['distances', dense({ boxes: 'distance' }), 0.01, 0.05],
    ['distributions', dense({ boxes: 'distribution', bins: 5 }), 0.1, 0.05],
    ['a region proposal network', twoStage, 0.002, 0.1],
  ])('has the published factors of a head of %s', (_, student, feature, classification) => {
    const { hooks } = stage(frs, none, student);
    const plain = richnessLoss(levels());
    expect(terms(hooks)).toEqual({
      feature: expect.closeTo(feature * plain.feature.dataSync()[0]!, 5) as number,
      classification: expect.closeTo(classification * plain.classification.dataSync()[0]!, 5) as number,
    });
    expect(hooks.settled).toMatchObject({ feature, classification, schedule: { warmup: 500 } });
  });

  it('learns through a 3x3 convolution a level', () => {
    expect(stage(frs, {}).variables.get('neck@p3/kernel')!.shape).toEqual([3, 3, 2, 2]);
  });

  it('rises over 500 steps, and is idle without factors', () => {
    const at = (options: object, step: number): number =>
      stage(frs, options).hooks.schedule!({ step, steps: 1000, epoch: 0, epochs: 1, fraction: 0 });
    expect([at({}, 0), at({}, 249), at({}, 600)]).toEqual([1 / 500, 0.5, 1]);
    expect([at({ schedule: {} }, 0), at({ feature: 0, classification: 0 }, 600)]).toEqual([1, 0]);
  });

  it('counts the cells of objects by the weights of their level and of responses, unless told not to', () => {
    const step = stepOf({ trust: TRUST });
    const [plain, wanted] = [richnessLoss(levels()), richnessLoss(levels(TRUST))];
    const one = { ...none, feature: 1, classification: 1 };
    for (const part of ['feature', 'classification'] as const) {
      expect(terms(stage(frs, one).hooks, step)[part]).toBeCloseTo(wanted[part].dataSync()[0]!, 5);
      expect(wanted[part].dataSync()[0]).not.toBeCloseTo(plain[part].dataSync()[0]!, 3);
    }
    expect(terms(stage(frs, { ...none, instanceWeights: false }).hooks, step)).toEqual(terms(stage(frs, none).hooks));
  });
});

describe.each([
  ['pfi', pfi],
  ['frs', frs],
])('%s with a teacher of other classes', (_, plugin) => {
  const named = (...names: string[]) => ({ ...dense(), categories: names.map((name, id) => ({ id, name })) });
  const hooks = (student: Partial<Detector>, teacher: Partial<Detector>) =>
    stage(plugin, { ...none, schedule: {} }, student, teacher).hooks;
  /** The step with these of the classes of a model. */
  const columns = (step: StepView, role: 'student' | 'teacher', ...places: number[]): StepView => {
    const cls = step[role].predictions['cls']!.map((map) => tf.gather(map, places, 3));
    return { ...step, [role]: { ...step[role], predictions: { cls } } } as StepView;
  };
  const all = named('a', 'b', 'c');

  it('compares those of one name, in whatever order and place', () => {
    const turned = columns(stepOf(), 'teacher', 2, 0, 0, 1);
    expect(terms(hooks(all, named('c', 'a', 'x', 'b')), turned)).toEqual(terms(hooks(all, all)));
  });

  it('leaves out the rest of both', () => {
    const [a, c] = [named('a', 'c'), named('x', 'c', 'a')];
    const some = columns(columns(stepOf(), 'student', 0, 2), 'teacher', 0, 2);
    const found = terms(hooks(all, c), columns(stepOf(), 'teacher', 1, 2, 0));
    expect(found).toEqual(terms(hooks(a, a), some));
    expect(Object.values(found)).not.toEqual(Object.values(terms(hooks(all, all))));
  });
});

describe.each([
  ['pfi', pfi],
  ['frs', frs],
])('%s refuses', (name, plugin) => {
  it.each<[string, Partial<Detector>, Partial<Detector>, RegExp]>([
    ['models without scores', {}, dense(), /the student \(small\) scores no cells.*e\.g\. pkd/s],
    ['one stage and two', dense(), twoStage, /\(small\) scores classes.*\(large\) scores objects of any class/s],
    [
      'no class in common',
      dense(),
      { ...dense(), categories: [{ id: 1, name: 'b' }] },
      /no class in common: the teacher has b, the student's data a\./,
    ],
    ['other priors', dense(), dense({ coding: {} }), /the priors differ.*coding: 'any'/s],
    ['more priors a cell', dense(), dense({ priorsPerCell: 9 }), /priorsPerCell of the student 1, of the teacher 9/],
  ])('%s before a step', (_, student, teacher, message) => {
    expect(() => stage(plugin, {}, student, teacher)).toThrow(message);
    expect(() => stage(plugin, {}, student, teacher)).toThrow(`${name}: `);
  });

  it('levels that its heads do not score, and scores of other shapes', () => {
    const { hooks } = stage(plugin, none);
    const step = stepOf();
    const first = { ...step.student, predictions: { cls: [step.student.predictions['cls']![0]!] } };
    expect(() => hooks.lossCompose!({ ...step, student: first } as unknown as StepView)).toThrow(
      /level neck@p4 \(2 x 2\) have no scores/,
    );
    expect(() => hooks.lossCompose!({ ...step, teacher: stepOf({ scores: 5 }).teacher } as StepView)).toThrow(
      /neck@p3 of the scores differ/,
    );
  });

  it('but not other codings of the same priors when told so', () => {
    expect(() => stage(plugin, { coding: 'any' }, dense(), dense({ boxes: 'distance', coding: {} }))).not.toThrow();
  });

  it.each([{ adapter: 'linear' }, { taps: [] }, { form: 'sum' }, { feature: -1 }, { weight: -1 }])(
    'options that cannot be meant: %j',
    (options) => {
      expect(() => stage(plugin, options)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
    },
  );
});
