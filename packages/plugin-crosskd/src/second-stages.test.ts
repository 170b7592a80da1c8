import '@tensorflow/tfjs-backend-cpu';
import type { Detector, StepView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { pooled, type Pooled, type RegionKind, regionModel, regionStage, regionStep } from '../test/regions.js';
import { detector, numbers, run as runDense, stage as denseStage, step as denseStep } from '../test/stage.js';
import { alignScale } from './align.js';
import type { CrossKdInput } from './index.js';
import { regionTerms } from './region-losses.js';

beforeAll(() => tf.setBackend('cpu'));

const MATCHED = [
  [0, -1, -2, -2],
  [-1, -1, 0, -2],
];
const models = (kind: RegionKind = {}) => [regionModel(kind), regionModel({ ...kind, seed: 2 })] as const;

describe('crosskd on second stages', () => {
  it('sends the pooled features of the student through the whole box head of the teacher', () => {
    const [student, teacher] = models();
    const given = pooled(MATCHED);
    const terms = numbers(regionStage(student, teacher).hooks.lossCompose!(regionStep(teacher, [given])));
    const rows = (of: tf.Tensor5D): tf.Tensor2D => tf.reshape(of, [-1, 3]);
    const said = (of: tf.Tensor5D) => {
      const feature = tf.relu(tf.matMul(rows(of), teacher.weights.get('0.block')!));
      return {
        logits: tf.matMul<tf.Tensor2D>(feature, teacher.weights.get('0.logits')!),
        deltas: tf.matMul<tf.Tensor2D>(feature, teacher.weights.get('0.deltas')!),
      };
    };
    const mask = tf.tensor1d(MATCHED.flat().map((matched) => (matched > -2 ? 1 : 0)));
    const expected = numbers(
      regionTerms(said(given.student), said(given.teacher), mask, { background: 0, temperature: 3 }),
    );
    expect(terms['cls']).toBeCloseTo(0.5 * expected['cls']!, 5);
    expect(terms['reg']).toBeCloseTo(expected['reg']!, 5);
    expect(expected['cls']).toBeGreaterThan(0.01);
    expect(expected['reg']).toBeGreaterThan(0.01);
  });

  it.each([0, 1])('reaches what the student has in front of the cut at %i, and never the teacher', (i) => {
    const [student, teacher] = models();
    const { hooks } = regionStage(student, teacher, { i });
    const given = pooled(MATCHED);
    const features = tf.variable(given.student);
    const all = [features, ...student.weights.values(), ...teacher.weights.values()];
    const { grads } = tf.variableGrads(() => {
      // Features that carry a gradient, as those that were pooled from the student's pyramid.
      const own = tf.mul(features as tf.Tensor, 1) as tf.Tensor5D;
      const step = regionStep(teacher, [{ ...given, student: own }]);
      return tf.addN(Object.values(hooks.lossCompose!(step))) as tf.Scalar;
    }, [features, ...student.weights.values()]);
    const moved = [...student.weights].filter(([, one]) => grads[one.name] !== undefined).map(([path]) => path);
    expect(moved).toEqual(i === 0 ? [] : ['0.block']);
    const values = grads[features.name]!.dataSync();
    MATCHED.flat().forEach((matched, row) => {
      const slopes = [...values.slice(3 * row, 3 * row + 3)];
      expect(slopes.every(Number.isFinite)).toBe(true);
      if (matched === -2) expect(slopes, 'a row without a sample').toEqual([0, 0, 0]);
    });
    expect(values.some((value) => value !== 0)).toBe(true);
    for (const one of all) one.dispose();
  });

  it('gives 0 where student and teacher pooled the same, and where nothing was sampled', () => {
    const [student, teacher] = models();
    const { hooks } = regionStage(student, teacher);
    const run = (given: Pooled): Record<string, number> => numbers(hooks.lossCompose!(regionStep(teacher, [given])));
    const given = pooled(MATCHED);
    const same = run({ ...given, student: given.teacher });
    expect(same['cls']).toBeCloseTo(0, 6);
    expect(same['reg']).toBe(0);
    expect(run(pooled([[-2, -2]]))).toEqual({ cls: 0, reg: 0 });
    const empty = tf.zeros<tf.Rank.R5>([2, 0, 1, 1, 3]);
    expect(run({ student: empty, teacher: empty, matched: [[], []] })).toEqual({ cls: 0, reg: 0 });
    for (const align of [true, false]) {
      const single = regionStage(student, teacher, { align }).hooks;
      const [one] = Object.values(numbers(single.lossCompose!(regionStep(teacher, [pooled([[0, -2]])]))));
      expect(Number.isFinite(one)).toBe(true);
    }
  });

  it.each<CrossKdInput>([{}, { align: true }, { i: 1 }, { i: 1, align: true }])(
    'takes any number of regions; rows that only fill up change nothing: %j',
    (options) => {
      const [student, teacher] = models();
      const { hooks } = regionStage(student, teacher, options);
      const run = (given: Pooled): Record<string, number> => numbers(hooks.lossCompose!(regionStep(teacher, [given])));
      const given = pooled([
        [0, -1, -1],
        [-1, 0, -1],
      ]);
      const more = (of: tf.Tensor5D): tf.Tensor5D => tf.concat([of, tf.fill([2, 2, 1, 1, 3], 50)], 1);
      const padded = {
        student: more(given.student),
        teacher: more(given.teacher),
        matched: given.matched.map((row) => [...row, -2, -2]),
      };
      const [plain, filled] = [run(given), run(padded)];
      for (const name of ['cls', 'reg']) expect(filled[name], name).toBeCloseTo(plain[name]!, 5);
      expect(plain['cls']).toBeGreaterThan(0.001);
    },
  );

  it('goes stage by stage through a cascade, as the student weighs them', () => {
    const kind = { stages: [1, 0.5] };
    const [student, teacher] = models(kind);
    const stages = [
      pooled(MATCHED),
      pooled(
        MATCHED.map((row) => [...row, -1]),
        { seed: 7 },
      ),
    ];
    const terms = (options: CrossKdInput) =>
      numbers(regionStage(student, teacher, options).hooks.lossCompose!(regionStep(teacher, stages)));
    const single = (stage: number): Record<string, number> => {
      // The same box head as the only one of a model.
      const [own, other] = models(kind).map((made) => {
        const head = {
          ...made.boxHead,
          stages: [{ weight: 1 }],
          run: (...[branch, x, at]: Parameters<typeof made.boxHead.run>) =>
            made.boxHead.run(branch, x, { ...at, level: stage }),
        };
        return { ...made, boxHead: head, secondStage: { ...made.secondStage!, head } };
      }) as unknown as [typeof student, typeof teacher];
      return numbers(regionStage(own, other).hooks.lossCompose!(regionStep(other, [stages[stage]!])));
    };
    const each = terms({ perLevel: true });
    expect(Object.keys(each)).toEqual(['cls.1', 'cls.2', 'reg.1', 'reg.2']);
    for (const name of ['cls', 'reg']) {
      expect(each[`${name}.1`]).toBeCloseTo(single(0)[name]!, 5);
      expect(each[`${name}.2`]).toBeCloseTo(0.5 * single(1)[name]!, 5);
      expect(terms({})[name]).toBeCloseTo(each[`${name}.1`]! + each[`${name}.2`]!, 5);
    }
  });

  it('takes the stages that both have, and says so', () => {
    const [student, teacher] = [regionModel(), regionModel({ name: 'cascade', stages: [1, 0.5, 0.25], seed: 2 })];
    const { hooks, told } = regionStage(student, teacher, { perLevel: true });
    expect(Object.keys(hooks.lossCompose!(regionStep(teacher, [pooled(MATCHED)])))).toEqual(['cls.1', 'reg.1']);
    expect(told).toEqual([expect.stringMatching(/student has 1 box head, the teacher 3 box heads.*the first 1/)]);
  });

  it('compares the classes that both have, wherever the background is', () => {
    const [student, teacher] = [regionModel(), regionModel({ seed: 2, background: 'last' })];
    const given = pooled(MATCHED);
    const run = (own: Detector, other: typeof teacher) =>
      numbers(regionStage(own, other).hooks.lossCompose!(regionStep(other, [given])));
    const all = run(student, teacher);
    const turned = run(regionModel({ classes: ['y', 'x'] }), teacher);
    for (const [name, value] of Object.entries(turned)) expect(value, name).toBeCloseTo(all[name]!, 5);
    const some = run(regionModel({ classes: ['y', 'z'] }), teacher);
    expect(some['cls']).not.toBeCloseTo(all['cls']!, 4);
  });

  it('trains an adapter where widths differ, with a bias unless an alignment takes it away', () => {
    const [student, teacher] = [regionModel({ channels: 5 }), regionModel({ seed: 2 })];
    const shapes = (options: CrossKdInput) =>
      [...regionStage(student, teacher, { adapter: 'conv1x1', ...options }).variables].map(([name, { shape }]) => [
        name,
        shape,
      ]);
    expect(shapes({})).toEqual([
      ['box/kernel', [1, 1, 5, 3]],
      ['box/bias', [3]],
    ]);
    expect(shapes({ align: true })).toEqual([['box/kernel', [1, 1, 5, 3]]]);
    const given = { ...pooled(MATCHED), student: pooled(MATCHED, { channels: 5 }).student };
    const { hooks, variables } = regionStage(student, teacher, { adapter: 'conv1x1' });
    const { grads } = tf.variableGrads(
      () => tf.addN(Object.values(hooks.lossCompose!(regionStep(teacher, [given])))) as tf.Scalar,
      [...variables.values()],
    );
    expect(Object.keys(grads)).toHaveLength(2);
  });

  it('crosses region proposal networks as dense heads of one class', () => {
    const [dense, taught] = [detector({ classes: ['object'] }), detector({ classes: ['object'], seed: 2 })];
    const two = (made: typeof dense, own: ReturnType<typeof regionModel>): Detector =>
      ({
        ...made,
        ...{ categories: own.categories, secondStage: own.secondStage!, capabilities: own.capabilities },
        ...{ head: undefined, dense: undefined, firstStage: { head: made.head, dense: made.dense } },
      }) as unknown as Detector;
    const [student, teacher] = models();
    const { hooks } = regionStage(two(dense, student), two(taught, teacher), { rpn: { i: 2 }, weights: { rpnReg: 3 } });
    const view = denseStep(dense, taught);
    const regions = regionStep(teacher, [pooled(MATCHED)]);
    const step = { ...view, ...regions, teacher: { ...view.teacher, ...regions.teacher } } as StepView;
    const terms = numbers(hooks.lossCompose!(step));
    const expected = runDense(dense, taught, { i: 2 });
    expect(Object.keys(terms)).toEqual(['cls', 'reg', 'rpn.cls', 'rpn.reg']);
    expect(terms['rpn.cls']).toBeCloseTo(expected['cls']!, 5);
    expect(terms['rpn.reg']).toBeCloseTo(3 * expected['reg']!, 4);
    expect(hooks.settled).toEqual({
      ...{ i: 0, align: false, temperature: 3, coding: 'same', rpn: { i: 2 } },
      weights: { cls: 0.5, reg: 1, rpnCls: 1, rpnReg: 3 },
    });
    const first = regionStage(two(dense, student), two(taught, teacher), { rpn: {}, weights: { cls: 0, reg: 0 } });
    expect(Object.keys(first.hooks.lossCompose!(step))).toEqual(['rpn.cls', 'rpn.reg']);
  });
});

describe('alignment of rows', () => {
  it('is that of the rows that count, in values and gradients', () => {
    const of = (seed: number): tf.Tensor4D => tf.randomNormal([6, 2, 2, 3], 1, 2, 'float32', seed);
    const [student, teacher, dy] = [of(1), of(2), of(3)];
    const rows = [0, 2, 5];
    const mask = tf.tensor1d([1, 0, 1, 0, 0, 1]);
    const pick = (map: tf.Tensor4D): tf.Tensor4D => tf.gather(map, rows);
    const [whole, some] = [
      tf.valueAndGrad((x) =>
        tf.sum(tf.mul(alignScale(x as tf.Tensor4D, teacher, mask), tf.mul(dy, tf.reshape(mask, [6, 1, 1, 1])))),
      )(student),
      tf.valueAndGrad((x) => tf.sum(tf.mul(alignScale(x as tf.Tensor4D, pick(teacher)), pick(dy))))(pick(student)),
    ];
    expect(whole.value.dataSync()[0]).toBeCloseTo(some.value.dataSync()[0]!, 3);
    const expected = some.grad.dataSync();
    pick(whole.grad as tf.Tensor4D)
      .dataSync()
      .forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
    const others = tf.gather(whole.grad, [1, 3, 4]).dataSync();
    expect(others.every((value) => value === 0)).toBe(true);
  });
});

describe('crosskd refuses second stages before the first step', () => {
  const [student, teacher] = [regionModel(), regionModel({ seed: 2 })];
  const cut = (made: Detector): Detector =>
    ({ ...made, secondStage: { ...made.secondStage!, head: undefined } }) as unknown as Detector;
  it.each<[string, () => unknown, RegExp]>([
    [
      'beside one stage',
      () => regionStage(student, detector()),
      /the student \(two\) has two stages and the teacher \(a\) has one stage/,
    ],
    [
      'beside one stage',
      () => regionStage(detector(), teacher),
      /the student \(a\) has one stage and the teacher \(two\) has two stages/,
    ],
    [
      'that cannot be cut',
      () => regionStage(student, cut(teacher)),
      /second stage of the teacher \(two\) cannot be cut/,
    ],
    [
      'i beyond a box head',
      () => regionStage(student, teacher, { i: 2 }),
      /i is 2, but the box heads have student 1, teacher 1 blocks\. Set i to at most 1/,
    ],
    [
      'a tap before the ReLU',
      () => regionStage(student, teacher, { i: 1, tap: 'pre' }),
      /tap "pre" reads a block before its ReLU, which box heads do not/,
    ],
    [
      'a tap before the ReLU of pooled features',
      () => regionStage(student, teacher, { tap: 'pre' }),
      /tap "pre" reads a block before its ReLU, which box heads do not/,
    ],
    [
      'other bins',
      () => regionStage(regionModel({ bins: 2 }), teacher),
      /pooled regions differ: the student has 2 x 2 bins, the teacher 1 x 1.*roi\.outputSize/,
    ],
    [
      'another width',
      () => regionStage(regionModel({ channels: 5 }), teacher),
      /widths differ at the pooled regions: the student has 5 channels, the teacher 3\. Set adapter: 'conv1x1'/,
    ],
    [
      'another width half-way',
      () => regionStage(regionModel({ units: 6 }), teacher, { i: 1 }),
      /behind 1 block of the box head: the student has 6 channels, the teacher 4/,
    ],
    ['no class in common', () => regionStage(regionModel({ classes: ['v'] }), teacher), /no class in common/],
    [
      'a centerness',
      () => regionStage(student, teacher, { weights: { ctr: 1 } }),
      /weights\.ctr is of dense heads with a centerness/,
    ],
    [
      'factors of what is not crossed',
      () => regionStage(student, teacher, { weights: { rpnCls: 1 } }),
      /weights\.rpnCls is of the option rpn, which is not set/,
    ],
    [
      'an exponent of the dense term',
      () => regionStage(student, teacher, { beta: 2 }),
      /beta is of dense heads, and of the option rpn, which is not set \(the student is two\)\. Leave it out/,
    ],
    [
      'a coding of dense heads',
      () => regionStage(student, teacher, { coding: 'teacher' }),
      /coding is of dense heads, and of the option rpn, which is not set/,
    ],
    ['taps of dense heads', () => regionStage(student, teacher, { neck: 'neck@p4' }), /neck is of dense heads/],
    ['parity of the dense terms', () => regionStage(student, teacher, { parity: true }), /parity is of dense heads/],
    [
      'rpn without a first stage',
      () => regionStage(student, teacher, { rpn: {} }),
      /the student \(two\) does not offer its own as a dense head/,
    ],
    [
      'rpn of dense detectors',
      () => denseStage(detector(), detector({ seed: 2 }), { rpn: {} }),
      /rpn is of two-stage detectors \(the student is a\)/,
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  it('takes other bins behind a linear layer', () => {
    expect(() => regionStage(regionModel({ bins: 2 }), teacher, { i: 1 })).not.toThrow();
  });
});
