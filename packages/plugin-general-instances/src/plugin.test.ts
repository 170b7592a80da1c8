import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import {
  createRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginScope,
  type StepView,
  type TapInfo,
  TapRegistry,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { anchorsOf } from './anchors.js';
import gid, { type GidInput } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const CELLS = 8;
const TAPS: readonly TapInfo[] = [{ name: 'neck@p3', stride: 8, channels: 2 }];
const dense = (change: object = {}): Partial<Detector> => ({
  dense: { boxes: 'delta', priorsPerCell: 1, coding: { strides: [8] }, ...change },
});
const twoStage = { secondStage: { background: 0 } } as unknown as Partial<Detector>;

function create(options: GidInput, student = dense(), teacher: Partial<Detector> = student): Hooks {
  const detector = (name: string, members: Partial<Detector>) =>
    ({
      name,
      taps: TAPS,
      capabilities: new Set(),
      categories: [{ id: 1, name: 'a' }],
      decode,
      ...members,
    }) as unknown as Detector;
  const models = { student: detector('small', student), teacher: detector('large', teacher) };
  const scope = {
    id: 'gid',
    ...models,
    rng: createRng(1),
    resolve: () => ({ name: 'cpu' }),
    variable: (_: string, value: tf.Tensor) => value,
  } as unknown as PluginScope;
  const hooks = gid.definition.create(scope, parseOptions(gid.definition.options, options, 'gid'));
  hooks.featureTap!(new TapRegistry(models).for('gid'));
  return hooks;
}

const anchors = (): tf.Tensor2D =>
  tf.tensor2d(
    Array.from({ length: CELLS * CELLS }, (_, i) => [8 * (i % CELLS), 8 * Math.floor(i / CELLS)]).map(([x, y]) => [
      x! - 4,
      y! - 4,
      x! + 12,
      y! + 12,
    ]),
  );
/** Corners are moved by the codes, in pixels. */
const decode = (codes: tf.Tensor3D): tf.Tensor3D => tf.add(tf.expandDims(anchors(), 0), codes);

function stepOf({ bins = 1, level = 1 } = {}): StepView {
  const map = (seed: number, channels: number): tf.Tensor4D =>
    tf.randomNormal([1, CELLS * level, CELLS, channels], 0, 1, 'float32', seed);
  const model = (seed: number) => ({
    tap: () => map(seed, 2),
    predictions: { cls: [map(seed + 1, 1)], reg: [map(seed + 2, 4 * bins)] },
  });
  return {
    student: model(1),
    teacher: model(11),
    decode,
    priors: { boxes: anchors(), perLevel: [CELLS * CELLS], strides: [[8, 8]] },
    targets: { imageSizes: [[64, 64]] },
  } as unknown as StepView;
}

const terms = (options: GidInput, student = dense()): Record<string, number> =>
  tf.tidy(() =>
    Object.fromEntries(
      Object.entries(create(options, student).lossCompose!(stepOf())).map(([name, term]) => [
        name,
        term.dataSync()[0]!,
      ]),
    ),
  );

const small: GidInput = { roiSize: 2 };

describe('gid', () => {
  it('has four terms with the published factors', () => {
    const one = terms({ ...small, feature: 1, relation: 1, responseCls: 1, responseReg: 1 });
    expect(Object.values(one).every((term) => term > 0)).toBe(true);
    const usual = terms(small);
    for (const [name, factor] of Object.entries({ feature: 0.0005, relation: 40, responseCls: 0.1, responseReg: 1 }))
      expect(usual[name]! / one[name]!).toBeCloseTo(factor, 5);
  });

  it('leaves out what has no factor, and is idle without any', () => {
    expect(Object.keys(terms({ ...small, relation: 0, responseCls: 0, responseReg: 0 }))).toEqual(['feature']);
    expect(Object.keys(terms({ ...small, feature: 0, relation: 0 }))).toEqual(['responseCls', 'responseReg']);
    const progress = { step: 3, steps: 10, epoch: 0, epochs: 1, fraction: 0.3 };
    const none = { feature: 0, relation: 0, responseCls: 0, responseReg: 0 };
    expect([create(small), create(none)].map((hooks) => hooks.schedule!(progress))).toEqual([1, 0]);
  });

  it('reads the scores of a region proposal network, one an anchor', () => {
    expect(terms(small, twoStage)).toEqual(terms(small));
  });

  it('stands squares for the anchors of points', () => {
    const { priors } = stepOf();
    expect(anchorsOf(priors, 2).arraySync()).toEqual(anchors().arraySync());
    expect((anchorsOf(priors, 8).arraySync() as number[][])[0]).toEqual([-28, -28, 36, 36]);
    const points = dense({ boxes: 'distance' });
    expect(terms({ ...small, virtualAnchor: 2 }, points)).toEqual(terms(small));
    expect(terms(small, points)['responseCls']).not.toBeCloseTo(terms(small)['responseCls']!, 6);
  });

  it('compares expected distances of distributions', () => {
    const bins = 3;
    const student = {
      ...dense({ boxes: 'distribution', bins }),
      decode: (codes: tf.Tensor3D) => decode(tf.slice(codes, [0, 0, 0], [-1, -1, 4])),
    };
    const step = { ...stepOf({ bins }), decode: student.decode } as unknown as StepView;
    const own = step.student.predictions['reg']![0]!;
    const same = { ...step.teacher, predictions: { ...step.teacher.predictions, reg: [tf.add(own, 5)] } };
    const options: GidInput = { ...small, feature: 0, relation: 0, responseCls: 0 };
    const reg = (of: StepView): number =>
      create(options, student as unknown as Partial<Detector>).lossCompose!(of)['responseReg']!.dataSync()[0]!;
    // What is added to all bins of a side changes no distribution.
    expect(reg({ ...step, teacher: same } as unknown as StepView)).toBeCloseTo(0, 5);
    expect(reg(step)).toBeGreaterThan(0.1);
  });
});

describe('gid with a teacher of other classes', () => {
  const named = (...names: string[]) => ({ ...dense(), categories: names.map((name, id) => ({ id, name })) });
  /** Scores of the classes a and b, of the teacher those of some places of them. */
  const step = (...places: number[]): StepView => {
    const cls = (seed: number) => tf.randomNormal([1, CELLS, CELLS, 2], 0, 1, 'float32', seed);
    const { student, teacher, ...rest } = stepOf();
    const model = (of: StepView['student'], scores: tf.Tensor) => ({
      ...of,
      predictions: { ...of.predictions, cls: [scores] },
    });
    return {
      ...rest,
      student: model(student, cls(5)),
      teacher: model(teacher, tf.gather(cls(6), places, 3)),
    } as unknown as StepView;
  };
  const run = (teacher: Partial<Detector>, of: StepView, student = named('a', 'b')) =>
    tf.tidy(() =>
      Object.entries(create(small, student, teacher).lossCompose!(of)).map(([, term]) => term.dataSync()[0]!),
    );

  it('compares those of one name, in whatever order and place', () =>
    expect(run(named('b', 'x', 'a'), step(1, 1, 0))).toEqual(run(named('a', 'b'), step(0, 1))));

  it('leaves out the rest: neither chosen by nor compared', () => {
    const of = step(1, 0);
    const alone = {
      ...of,
      student: {
        ...of.student,
        predictions: { ...of.student.predictions, cls: [tf.gather(of.student.predictions['cls']![0]!, [1], 3)] },
      },
      teacher: {
        ...of.teacher,
        predictions: { ...of.teacher.predictions, cls: [tf.gather(of.teacher.predictions['cls']![0]!, [0], 3)] },
      },
    } as StepView;
    expect(run(named('b', 'x'), of)).toEqual(run(named('b'), alone, named('b')));
    expect(run(named('b', 'x'), of)).not.toEqual(run(named('b', 'a'), of));
  });
});

describe('gid refuses', () => {
  it.each<[string, Partial<Detector>, Partial<Detector>, RegExp]>([
    ['models without scores', {}, dense(), /gid: the student \(small\) scores no cells/],
    ['one stage and two', dense(), twoStage, /\(small\) scores classes.*\(large\) scores objects of any class/s],
    [
      'no class in common',
      dense(),
      { ...dense(), categories: [{ id: 1, name: 'b' }] },
      /no class in common: the teacher has b, the student's data a\./,
    ],
    ['other priors', dense(), dense({ coding: {} }), /the priors differ.*Give the student the teacher's options\.$/s],
    ['other boxes', dense(), dense({ boxes: 'distance' }), /boxes of the student "delta", of the teacher "distance"/],
  ])('%s before a step', (_, student, teacher, message) => {
    expect(() => create({}, student, teacher)).toThrow(message);
  });

  it('heads with other levels, at the first step', () => {
    const other = { ...stepOf(), teacher: stepOf({ level: 2 }).teacher } as StepView;
    expect(() => create(small).lossCompose!(other)).toThrow(/the student 8 x 8 x 1; 8 x 8 x 4, the teacher 16 x 8 x 1/);
  });

  it.each([{ topk: 0 }, { nms: 2 }, { roiSize: 0 }, { adapter: 'linear' }, { weight: 1 }, { relation: -1 }])(
    'options that cannot be meant: %j',
    (options) => {
      expect(() => create(options as GidInput)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
    },
  );
});
