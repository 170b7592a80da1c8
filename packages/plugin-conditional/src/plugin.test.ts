import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import {
  createRng,
  createStepRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginScope,
  type Progress,
  type StepView,
  type TapInfo,
  TapRegistry,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import icd, { type IcdInput } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const SIZES: Readonly<Record<string, number>> = { 'neck@p3': 4, 'neck@p4': 2 };
const taps = (channels: number): TapInfo[] => [
  { name: 'neck@p3', stride: 8, channels },
  { name: 'neck@p4', stride: 16, channels },
];

function stage(options: IcdInput, change: Partial<Detector> = {}, { student = taps(4), teacher = taps(8) } = {}) {
  const detector = (name: string, own: readonly TapInfo[]) =>
    ({
      name,
      taps: own,
      capabilities: new Set(),
      categories: [
        { id: 1, name: 'a' },
        { id: 2, name: 'b' },
      ],
      ...change,
    }) as unknown as Detector;
  const models = { student: detector('small', student), teacher: detector('large', teacher) };
  const variables = { own: new Map<string, tf.Variable>(), shared: new Map<string, tf.Variable>() };
  const groups: unknown[] = [];
  const maker = (into: Map<string, tf.Variable>) => ({
    rng: createRng(1),
    variable: (name: string, value: tf.Tensor) => {
      const variable = tf.variable(value);
      into.set(name, variable);
      return variable;
    },
  });
  const scope = {
    id: 'icd',
    ...models,
    ...maker(variables.shared),
    variables: (group: unknown) => (groups.push(group), maker(variables.own)),
  } as unknown as PluginScope;
  const hooks: Hooks = icd.definition.create(scope, parseOptions(icd.definition.options, options, 'icd'));
  hooks.featureTap!(new TapRegistry(models).for('icd'));
  return { hooks, variables, groups };
}

interface Scene {
  readonly boxes?: readonly (readonly number[])[];
  readonly trust?: readonly [number, number];
  readonly at?: number;
  readonly first?: tf.Tensor4D;
}

const maps = (seed: number, channels: number): tf.Tensor4D[] =>
  Object.values(SIZES).map((cells, i) => tf.randomNormal([1, cells, cells, channels], 0, 1, 'float32', seed + i));

function stepOf({ boxes = [[4, 4, 20, 28]], trust, at = 5000, first }: Scene = {}): StepView {
  const model = (features: tf.Tensor4D[]) => ({
    tap: ({ name }: TapInfo) => features[Object.keys(SIZES).indexOf(name)]!,
  });
  const own = maps(1, 4);
  const g = boxes.length;
  return {
    student: model(first ? [first, own[1]!] : own),
    teacher: model(maps(11, 8)),
    targets: {
      boxes: tf.tensor3d(boxes.flat(), [1, g, 4]),
      labels: tf.zeros([1, g], 'int32'),
      mask: tf.ones([1, g]),
      imageSizes: [[30, 32]],
    },
    instances: { matched: tf.zeros([1, 1], 'int32') },
    weights: {
      get: () => trust && { levels: trust.map((weight) => tf.tensor2d([[weight]])), response: tf.ones([1, 1]) },
    },
    rng: createStepRng(3),
    scalar: (of: (progress: Progress) => number) =>
      tf.scalar(of({ step: at, steps: 10_000, epoch: 0, epochs: 1, fraction: at / 10_000 })),
    ownOnly: (term: tf.Scalar) => term,
  } as unknown as StepView;
}

const terms = (hooks: Hooks, scene: Scene = {}): Record<string, number> =>
  tf.tidy(() => {
    const step = stepOf(scene);
    if (scene.trust === undefined) Object.assign(step, { weights: { get: () => null } });
    return Object.fromEntries(
      Object.entries(hooks.lossCompose!(step)).map(([name, term]) => [name, term.dataSync()[0]!]),
    );
  });

const few: IcdInput = { heads: 2 };

describe('icd', () => {
  it('trains its helper with an optimiser of its own, and the projection of the student with the student', () => {
    const { variables, groups } = stage(few);
    expect(groups).toEqual([{ optimizer: { name: 'adamw', lr: 1e-4 }, clipNorm: 0.01 }]);
    expect([...variables.shared.keys()]).toEqual(['student/value/kernel', 'student/value/bias']);
    expect(variables.shared.get('student/value/kernel')!.shape).toEqual([4, 8]);
    expect([...variables.own.keys()].every((name) => name.startsWith('helper/'))).toBe(true);
    // Two classes, the place, and five bins a side.
    expect(variables.own.get('helper/encode.0/kernel')!.shape).toEqual([2 + 8 + 10, 8]);
  });

  it('weighs 8, and 3 with 100 slots on two-stage detectors', () => {
    const usual = terms(stage(few).hooks);
    expect(Object.keys(usual)).toEqual(['value', 'helperConfidence', 'helperLocation']);
    expect(usual['value']! / terms(stage({ ...few, weight: 1 }).hooks)['value']!).toBeCloseTo(8, 4);
    const two = stage(few, { secondStage: {} } as unknown as Partial<Detector>);
    expect(terms(two.hooks)['value']! / usual['value']!).toBeCloseTo(3 / 8, 5);
    expect(two.hooks.settled).toMatchObject({ weight: 3, slots: 100, schedule: { start: 1000 } });
  });

  it('leaves the student alone before its start, and teaches its projection all the same', () => {
    const { hooks, variables } = stage(few);
    const slope = (at: number): { student: boolean; projection: boolean } => {
      const kernel = variables.shared.get('student/value/kernel')!;
      const [student, projection] = tf.grads((first: tf.Tensor) => {
        const step = Object.assign(stepOf({ at, first: first as tf.Tensor4D }), { weights: { get: () => null } });
        return tf.addN([hooks.lossCompose!(step)['value']!, tf.mul(tf.sum(first), 0), tf.mul(tf.sum(kernel), 0)]);
      })([maps(1, 4)[0]!, kernel]);
      const moves = (x: tf.Tensor): boolean => tf.max(tf.abs(x)).dataSync()[0]! > 0;
      return { student: moves(student!), projection: moves(projection!) };
    };
    expect(slope(999)).toEqual({ student: false, projection: true });
    expect(slope(1000)).toEqual({ student: true, projection: true });
    expect(terms(hooks, { at: 0 })['value']).toBeCloseTo(terms(hooks)['value']!, 5);
  });

  it("has the schedule of other plugins, for the student's term; without weight, after its stop, or in a run that ends before its start it is idle", () => {
    const at = (options: IcdInput, step: number): number =>
      stage({ ...few, ...options }).hooks.schedule!({ step, steps: 10_000, epoch: 0, epochs: 1, fraction: 0 });
    expect([
      at({}, 0),
      at({ weight: 0 }, 0),
      at({ schedule: { stop: 10 } }, 9),
      at({ schedule: { stop: 10 } }, 10),
    ]).toEqual([1, 0, 1, 0]);
    const ofRun = (steps: number): number =>
      stage(few).hooks.schedule!({ step: 0, steps, epoch: 0, epochs: 1, fraction: 0 });
    expect([ofRun(1000), ofRun(1001)]).toEqual([0, 1]);
    const [whole, half] = [{}, { decay: 'linear' as const }].map(
      (schedule) => terms(stage({ ...few, schedule }).hooks)['value']!,
    );
    expect(half! / whole!).toBeCloseTo(0.5, 5);
  });

  it('counts objects by the weights of each level, unless told not to', () => {
    const { hooks } = stage(few);
    const plain = terms(hooks)['value']!;
    const [both, first, second] = [
      [0.5, 0.5],
      [1, 0],
      [0, 1],
    ].map((trust) => terms(hooks, { trust: trust as [number, number] })['value']!);
    expect(both).toBeCloseTo(plain / 2, 5);
    expect(first! + second!).toBeCloseTo(plain, 5);
    expect(first).toBeGreaterThan(0);
    expect(terms(stage({ ...few, instanceWeights: false }).hooks, { trust: [0.5, 0.5] })['value']).toBe(plain);
  });

  it.each([
    ['no box', []],
    ['a box without area', [[5, 5, 5, 5]]],
  ])('gives 0 with %s, but the helper may learn', (_, boxes) => {
    const got = terms(stage(few).hooks, { boxes });
    expect(got['value']).toBe(0);
    expect(got['helperLocation']).toBe(0);
    expect(Object.values(got).every(Number.isFinite)).toBe(true);
  });
});

describe('icd refuses', () => {
  it('heads that cannot share the channels, and levels of several widths', () => {
    expect(() => stage({})).not.toThrow();
    expect(() => stage({ heads: 3 })).toThrow(/8 channels, which 3 heads cannot share.*Set heads, e\.g\. to 4/s);
    expect(() => stage(few, {}, { teacher: taps(6) })).toThrow(/6 channels/);
    const [p3, p4] = taps(8);
    expect(() => stage(few, {}, { teacher: [p3!, { ...p4!, channels: 16 }] })).toThrow(
      /neck@p4 has other channels than neck@p3/,
    );
  });

  it.each([{ heads: 0 }, { jitter: 0.5 }, { fakes: -1 }, { helper: { lr: 0 } }, { variant: 'jax' }, { lr: 1 }])(
    'options that cannot be meant: %j',
    (options) => {
      expect(() => stage(options as IcdInput)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
    },
  );
});
