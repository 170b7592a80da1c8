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
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { decoupledKl, defeat, fgfi, fitnets, imitationLoss, nearAnchors } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const tap = (name: string, stride: number, channels = 2): TapInfo => ({ name, stride, channels });
const TAPS = [tap('neck@p3', 8), tap('neck@p4', 16), tap('neck@pool', 32), tap('backbone.body.layer2', 8, 6)];
const SIZES: Readonly<Record<string, number>> = { 'neck@p3': 8, 'neck@p4': 4, 'neck@pool': 2 };

type Definition = Usable<PluginDefinition<never>, never>;

/** The plugin behind core's own tap pairing, on detectors that consist of taps. */
function stage(plugin: unknown, options: object, change: Partial<Detector> = {}, teacher: Partial<Detector> = change) {
  const usable = plugin as Definition;
  const detector = (name: string, members: Partial<Detector>) =>
    ({
      name,
      taps: TAPS,
      capabilities: new Set(['dense']),
      categories: [{ id: 1, name: 'a' }],
      dense: { boxes: 'delta', priorsPerCell: 1, coding: {} },
      ...members,
    }) as unknown as Detector;
  const models = { student: detector('small', change), teacher: detector('large', teacher) };
  const variables = new Map<string, tf.Tensor>();
  const id = usable.definition.name;
  const scope = {
    id,
    ...models,
    rng: createRng(1, 'plugin'),
    variable: (name: string, value: tf.Tensor) => (variables.set(name, value), value),
  } as unknown as PluginScope;
  const registry = new TapRegistry(models);
  const hooks: Hooks = usable.definition.create(scope, parseOptions(usable.definition.options, options, id));
  hooks.featureTap!(registry.for(id));
  return { hooks, variables, requested: [...registry.requested('student')].sort() };
}

const maps = (seed: number): Record<string, tf.Tensor4D> =>
  Object.fromEntries(
    Object.entries(SIZES).map(([name, cells], i) => [
      name,
      tf.randomNormal([1, cells, cells, 2], 0, 1, 'float32', seed + i),
    ]),
  );

/** Square anchors of two strides around the middle of every cell. */
function priors() {
  const boxes = Object.values(SIZES).flatMap((cells, level) => {
    const stride = 8 * 2 ** level;
    return Array.from({ length: cells * cells }, (_, i) => [(i % cells) * stride, Math.floor(i / cells) * stride]).map(
      ([x, y]) => [x! - stride / 2, y! - stride / 2, x! + 1.5 * stride, y! + 1.5 * stride],
    );
  });
  return {
    boxes: tf.tensor2d(boxes),
    perLevel: Object.values(SIZES).map((cells) => cells * cells),
    strides: Object.values(SIZES).map((_, level) => [8 * 2 ** level, 8 * 2 ** level] as const),
  };
}

interface Scene {
  readonly boxes?: readonly (readonly number[])[];
  /** Of the only two instances, both of the first object. */
  readonly trust?: readonly [number, number];
}

const [students, teachers] = [() => maps(1), () => maps(11)];

function terms(
  { hooks }: { readonly hooks: Hooks },
  { boxes = [[8, 8, 40, 32]], trust }: Scene = {},
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(gradients(hooks, { boxes, ...(trust && { trust }) })).map(([name, { value }]) => [name, value]),
  );
}

/** Every term, and its gradient with respect to the student's finest map. */
function gradients(hooks: Hooks, { boxes = [], trust }: Scene): Record<string, { value: number; gradient: number[] }> {
  const model = (taps: Record<string, tf.Tensor4D>) => ({ tap: ({ name }: TapInfo) => taps[name]! });
  const step = (p3: tf.Tensor4D): StepView => {
    const levels = trust && Object.keys(SIZES).map(() => tf.tensor2d([[...trust]]));
    return {
      student: model({ ...students(), 'neck@p3': p3 }),
      teacher: model(teachers()),
      priors: priors(),
      targets: { boxes: tf.tensor3d(boxes.flat(), [1, boxes.length, 4]), mask: tf.ones([1, boxes.length]) },
      instances: { matched: tf.zeros([1, 2], 'int32') },
      weights: { get: () => (levels ? { levels, response: levels[0] } : null) },
    } as unknown as StepView;
  };
  return tf.tidy(() =>
    Object.fromEntries(
      Object.keys(hooks.lossCompose!(step(students()['neck@p3']!))).map((name) => {
        const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => hooks.lossCompose!(step(x as tf.Tensor4D))[name]!)(
          students()['neck@p3']!,
        );
        return [name, { value: value.dataSync()[0]!, gradient: [...grad.dataSync()] }];
      }),
    ),
  );
}

const adapterNone = { adapter: 'none' };

describe('fitnets', () => {
  it('compares the whole neck with a 1x1 convolution of the student, or what taps name', () => {
    const whole = stage(fitnets, {});
    expect(whole.requested).toEqual(['neck@p3', 'neck@p4', 'neck@pool']);
    expect(whole.variables.get('neck@p3/kernel')!.shape).toEqual([1, 1, 2, 2]);
    expect(stage(fitnets, { taps: 'backbone.body.layer2' }).requested).toEqual(['backbone.body.layer2']);
    expect([...stage(fitnets, { adapter: 'conv1x1-nobias' }).variables.keys()]).toEqual([
      'neck@p3/kernel',
      'neck@p4/kernel',
      'neck@pool/kernel',
    ]);
    expect(terms(stage(fitnets, { ...adapterNone, weight: 3 }))['hint']).toBeCloseTo(
      3 * terms(stage(fitnets, adapterNone))['hint']!,
      4,
    );
  });

  it('may start late, rise and fade', () => {
    const { schedule } = stage(fitnets, { schedule: { start: 2, warmup: 2, decay: 'linear' } }).hooks;
    expect([1, 2, 3].map((step) => schedule!({ step, steps: 10, epoch: 0, epochs: 1, fraction: step / 10 }))).toEqual([
      0, 0.4, 0.7,
    ]);
  });
});

describe('fgfi', () => {
  it('takes the one level of the original, with small weights and late, or the pyramid', () => {
    const original = stage(fgfi, { variant: 'original' });
    expect(original.requested).toEqual(['neck@p4']);
    expect(Math.max(...original.variables.get('neck@p4/kernel')!.dataSync())).toBeLessThanOrEqual(2e-4);
    expect(
      [399, 400].map((step) => original.hooks.schedule!({ step, steps: 1000, epoch: 0, epochs: 1, fraction: 0 })),
    ).toEqual([0, 1]);
    const pyramid = stage(fgfi, {});
    expect(pyramid.requested).toEqual(['neck@p3', 'neck@p4', 'neck@pool']);
    expect(pyramid.variables.get('neck@p3/kernel')!.shape).toEqual([3, 3, 2, 2]);
    expect(pyramid.hooks.schedule!({ step: 0, steps: 1, epoch: 0, epochs: 1, fraction: 0 })).toBe(1);
  });

  it("compares what the functions say of the object's own level", () => {
    const boxes = tf.tensor3d([[[8, 8, 40, 32]]]);
    const mask = nearAnchors(tf.slice(priors().boxes, [0, 0], [64, 4]), boxes, tf.ones([1, 1]), {
      height: 8,
      width: 8,
      psi: 0.5,
      inclusive: false,
    });
    const level = imitationLoss(
      [{ student: students()['neck@p3']!, teacher: teachers()['neck@p3']!, mask }],
      'pyramid',
    ).dataSync()[0]!;
    expect(level).toBeGreaterThan(0);
    expect(terms(stage(fgfi, { ...adapterNone, weight: 1 }))['imitation']).toBeCloseTo(level / 3, 5);
  });

  it('stands squares for the anchors of points', () => {
    const points = { dense: { boxes: 'distance', priorsPerCell: 1, coding: {} } } as Partial<Detector>;
    const [own, same, larger] = [
      stage(fgfi, adapterNone),
      stage(fgfi, { ...adapterNone, virtualAnchor: 2 }, points),
      stage(fgfi, { ...adapterNone, virtualAnchor: 6 }, points),
    ].map((one) => terms(one)['imitation']);
    expect(same).toBe(own);
    expect(larger).not.toBeCloseTo(own!, 3);
  });

  it('refuses a student that says of no priors how they are read', () => {
    expect(() => stage(fgfi, {}, { dense: undefined } as unknown as Partial<Detector>)).toThrow(
      /fgfi: the student \(small\).*Take a detector with a dense head/s,
    );
  });

  it('refuses the original on a neck without its level', () => {
    expect(() => stage(fgfi, { variant: 'original' }, { taps: [tap('neck@p3', 8)] })).toThrow(
      /stride 16.*variant: 'pyramid'/s,
    );
  });
});

describe('defeat', () => {
  const head = { head: {} };
  const stages = { secondStage: { background: 0 } } as unknown as Partial<Detector>;

  it('weighs foreground 3 and background 12', () => {
    const [usual, one] = [
      terms(stage(defeat, adapterNone)),
      terms(stage(defeat, { ...adapterNone, foreground: 1, background: 1 })),
    ];
    expect(usual['neckForeground']).toBeCloseTo(3 * one['neckForeground']!, 4);
    expect(usual['neckBackground']).toBeCloseTo(12 * one['neckBackground']!, 4);
  });

  it('without a factor has the schedule of an idle distiller', () => {
    const progress = { step: 3, steps: 10, epoch: 0, epochs: 1, fraction: 0.3 };
    const factor = (options: object, ...models: Partial<Detector>[]) =>
      stage(defeat, { ...adapterNone, ...options }, ...models).hooks.schedule!(progress);
    const none = { foreground: 0, background: 0 };
    expect([factor({ foreground: 0 }), factor(none)]).toEqual([1, 0]);
  });

  it('refuses the head part where either has one stage, or other classes', () => {
    expect(() => stage(defeat, head)).toThrow(/defeat: the head part.*the student \(small\) has one stage alone/s);
    expect(() => stage(defeat, head, stages, {})).toThrow(/the teacher \(large\) has one stage alone/);
    expect(() => stage(defeat, head, stages, { ...stages, categories: [{ id: 1, name: 'b' }] })).toThrow(
      /defeat: teacher and student have no class in common: the teacher has b, the student's data a\. .* classes: \{"b":"a"\}/,
    );
  });

  describe('and the head of a teacher of other classes', () => {
    const own = tf.tensor3d([
      [
        [0.1, 1, -1],
        [0.4, -0.3, 0.8],
        [-0.5, 0.2, 0.9],
        [1, 0, -2],
      ],
    ]); // background, a, b
    const taught = tf.tensor3d([
      [
        [0.7, 0.3, -1],
        [-0.2, 0.6, 1.2],
        [2, -0.4, 0.5],
        [0.3, 0.9, -0.6],
      ],
    ]);
    /** Of the objects 0 (a) and 1 (b), of background, and of nothing. */
    const matched = tf.tensor2d([[0, 1, -1, -2]], [1, 4], 'int32');
    const named = (...names: string[]) => names.map((name, id) => ({ id, name }));

    /** Terms of the head, with a teacher whose background comes last. */
    function headTerms(categories: Detector['categories'], logits: tf.Tensor): number[] {
      const secondStage = { background: categories.length, sample: () => ({ boxes: tf.zeros([1, 4, 4]), matched }) };
      const two = { secondStage: { background: 0 }, categories: named('a', 'b') } as unknown as Partial<Detector>;
      const teacher = { secondStage, categories, priors: () => ({}), assign: () => ({}) };
      const options = { ...adapterNone, head: { foreground: 1, background: 1 } };
      const { hooks } = stage(defeat, options, two, teacher as unknown as Partial<Detector>);
      const model = (taps: Record<string, tf.Tensor4D>, values: tf.Tensor) => ({
        tap: ({ name }: TapInfo) => taps[name]!,
        regions: () => ({ logits: values }),
      });
      const step = {
        student: model(students(), own),
        teacher: model(teachers(), logits),
        priors: priors(),
        rng: { stream: () => null },
        targets: { boxes: tf.zeros([1, 2, 4]), mask: tf.ones([1, 2]), labels: tf.tensor2d([[0, 1]], [1, 2], 'int32') },
        instances: { matched: tf.zeros([1, 2], 'int32') },
        weights: { get: () => null },
      } as unknown as StepView;
      const { headForeground, headBackground } = hooks.lossCompose!(step) as Record<string, tf.Scalar>;
      return [headForeground!.dataSync()[0]!, headBackground!.dataSync()[0]!];
    }
    const columns = (x: tf.Tensor, ...places: number[]): tf.Tensor => tf.gather(x, places, 2);
    const rows = (...counted: number[]): tf.Tensor => tf.tensor2d([counted]);
    const byHand = (student: tf.Tensor, teacher: tf.Tensor, foreground: tf.Tensor): number[] => {
      const options = { temperatureForeground: 1, temperatureBackground: 1 };
      const found = decoupledKl(student, teacher, { foreground, background: rows(0, 0, 1, 0) }, options);
      return [found.foreground.dataSync()[0]!, found.background.dataSync()[0]!];
    };
    const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5) as number);

    it('compares those of one name, in whatever order', () => {
      const all = byHand(own, columns(taught, 2, 0, 1), rows(1, 1, 0, 0));
      expect(headTerms(named('a', 'b'), taught)).toEqual(close(all));
      expect(headTerms(named('b', 'a'), columns(taught, 1, 0, 2))).toEqual(close(all));
    });

    it('leaves out the rest: logits, and regions of objects of other classes', () => {
      const some = byHand(columns(own, 2, 0), columns(taught, 1, 2), rows(0, 1, 0, 0));
      expect(headTerms(named('x', 'b'), taught)).toEqual(close(some));
      expect(Math.min(...some)).toBeGreaterThan(0.01);
    });
  });
});

describe.each([
  ['fgfi', fgfi, 'imitation'],
  ['defeat', defeat, 'neckForeground'],
] as const)('%s and objects', (_, plugin, term) => {
  const usual = stage(plugin, adapterNone);

  it('is 0 with a gradient of 0 without a box', () => {
    const { value, gradient } = gradients(usual.hooks, { boxes: [] })[term]!;
    expect(value).toBe(0);
    expect(gradient.every((slope) => slope === 0)).toBe(true);
  });

  it.each([
    ['without area', [20, 20, 20, 20]],
    ['upside down', [40, 40, 20, 20]],
    ['outside', [500, 500, 600, 600]],
    ['left of the image', [-90, -90, -60, -60]],
    ['on the last pixel', [64, 64, 64, 64]],
  ])('stays finite for a box %s', (__, box) => {
    for (const { value, gradient } of Object.values(gradients(usual.hooks, { boxes: [box] })))
      expect([value, ...gradient].every(Number.isFinite)).toBe(true);
  });

  it('weighs an object with the mean of its instances, and is as it was where that is 1', () => {
    const two = [
      [8, 8, 24, 24],
      [40, 40, 60, 60],
    ];
    expect(terms(usual, { boxes: two, trust: [1, 1] })[term]).toBeCloseTo(terms(usual, { boxes: two })[term]!, 6);
    expect(terms(usual, { boxes: two, trust: [0, 0] })[term]).toBeCloseTo(terms(usual, { boxes: [two[1]!] })[term]!, 6);
    expect(terms(usual, { boxes: two, trust: [0.2, 0.6] })[term]).toBeCloseTo(
      terms(usual, { boxes: two, trust: [0.4, 0.4] })[term]!,
      6,
    );
    expect(terms(usual, { boxes: two, trust: [0.4, 0.4] })[term]).not.toBeCloseTo(
      terms(usual, { boxes: two })[term]!,
      4,
    );
    const deaf = stage(plugin, { ...adapterNone, instanceWeights: false });
    expect(terms(deaf, { boxes: two, trust: [0.4, 0.4] })[term]).toBe(terms(usual, { boxes: two })[term]!);
  });
});
