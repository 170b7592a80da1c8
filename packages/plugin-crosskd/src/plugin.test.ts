import '@tensorflow/tfjs-backend-cpu';
import type { DenseInfo, Detector, StagedHead } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { detector, type Kind, type Made, numbers, run, stage, step } from '../test/stage.js';

beforeAll(() => tf.setBackend('cpu'));

describe('crosskd in a step', () => {
  it('lets gradients reach the first i blocks of the student alone', () => {
    const [student, teacher] = [detector(), detector({ seed: 2 })];
    const { hooks } = stage(student, teacher, { i: 2 });
    const paths = new Map(student.variables.map(({ path, variable }) => [variable.name, path]));
    const { grads } = tf.variableGrads(
      () => tf.addN(Object.values(hooks.lossCompose!(step(student, teacher)))),
      student.variables.map(({ variable }) => variable),
    );
    expect(
      Object.keys(grads)
        .map((name) => paths.get(name)!.split('/')[0])
        .sort(),
    ).toEqual(['cls.0', 'cls.0', 'cls.1', 'cls.1', 'reg.0', 'reg.0', 'reg.1', 'reg.1']);
    for (const gradient of Object.values(grads)) expect(tf.sum(tf.abs(gradient)).dataSync()[0]).toBeGreaterThan(0);
  });

  it('gives the same for a head that does not tell where its taps are', () => {
    const [student, teacher] = [detector({ depth: 4 }), detector({ depth: 4, seed: 2 })];
    const mute = (made: Made): Detector => ({
      ...made,
      head: { ...made.head, locate: undefined } as unknown as StagedHead,
    });
    const view = step(student, teacher);
    const [terms, expected] = [stage(mute(student), mute(teacher)), stage(student, teacher)].map(({ hooks }) =>
      numbers(hooks.lossCompose!(view)),
    );
    expect(Object.keys(terms!)).toEqual(['cls', 'reg']);
    for (const [name, value] of Object.entries(terms!)) expect(value).toBeCloseTo(expected![name]!, 5);
  });

  it('reads before the ReLU on demand, also at the first block', () => {
    const [student, teacher] = [detector(), detector({ seed: 2 })];
    for (const i of [1, 3])
      expect(run(student, teacher, { i, tap: 'pre' })['cls']).not.toBeCloseTo(run(student, teacher, { i })['cls']!, 3);
    expect(run(student, teacher, { i: 0, tap: 'pre' })).toEqual(run(student, teacher, { i: 0 }));
  });

  it('names a term a level on demand, and their sum otherwise', () => {
    const [student, teacher] = [detector({ centerness: true }), detector({ centerness: true, seed: 2 })];
    const [sums, levels] = [run(student, teacher), run(student, teacher, { perLevel: true })];
    expect(Object.keys(levels)).toEqual(['cls.p3', 'cls.p4', 'reg.p3', 'reg.p4', 'ctr.p3', 'ctr.p4']);
    for (const name of ['cls', 'reg', 'ctr'])
      expect(levels[`${name}.p3`]! + levels[`${name}.p4`]!).toBeCloseTo(sums[name]!, 5);
    expect(Object.keys(run(student, teacher, { weights: { ctr: 0 } }))).toEqual(['cls', 'reg']);
  });

  it('compares the centerness of positives alone, and only of teachers with anchors', () => {
    const [student, teacher] = [detector({ centerness: true }), detector({ centerness: true, seed: 2 })];
    expect(run(student, teacher, {}, { matched: [-1] })['ctr']).toBe(0);
    const [point, pointTeacher] = [
      detector({ boxes: 'distance', centerness: true }),
      detector({ boxes: 'distance', centerness: true, seed: 2 }),
    ];
    expect(Object.keys(run(point, pointTeacher, {}, { centerness: 0.5 }))).toEqual(['cls', 'reg']);
  });

  it('compares an objectness in every cell, and the IoU of positives, whatever the boxes are', () => {
    const models = (kind: Kind): [Made, Made] => [
      detector({ ...kind, centerness: true }),
      detector({ ...kind, centerness: true, seed: 2 }),
    ];
    const [some, none] = [{ matched: [0, -1] }, { matched: [-1] }];
    const objectness = models({ quality: 'objectness' });
    expect(run(...objectness, {}, none)['ctr']).toBeGreaterThan(0);
    expect(run(...objectness, {}, some)['ctr']).toBeGreaterThan(run(...models({}), {}, some)['ctr']!);
    expect(run(...models({ quality: 'iou' }), {}, some)['ctr']).toBe(run(...models({}), {}, some)['ctr']);
    expect(run(...models({ quality: 'iou' }), {}, none)['ctr']).toBe(0);
    expect(Object.keys(run(...models({ boxes: 'distance', quality: 'iou' }), {}, some))).toEqual(['cls', 'reg', 'ctr']);
  });

  it('leaves out what the student ignores, unless it predicts distances', () => {
    const models = (boxes: DenseInfo['boxes'], bins?: number): [Made, Made] => [
      detector({ boxes, ...(bins && { bins }) }),
      detector({ boxes, ...(bins && { bins }), seed: 2 }),
    ];
    for (const pair of [models('delta'), models('distribution', 5)])
      expect(run(...pair, {}, { matched: [-2] })).toEqual({ cls: 0, reg: 0 });
    const terms = run(...models('distance'), {}, { matched: [0, -2, -2, -2], centerness: 0.5 });
    expect(terms).toEqual(run(...models('distance'), {}, { matched: [0, -1, -1, -1], centerness: 0.5 }));
  });

  it('trains adapters where widths differ, one a branch', () => {
    const [student, teacher] = [detector({ width: 6 }), detector({ seed: 2 })];
    const { hooks, variables } = stage(student, teacher, { adapter: 'conv1x1' });
    expect([...variables].map(([name, { shape }]) => [name, shape])).toEqual([
      ['cls/kernel', [1, 1, 6, 4]],
      ['reg/kernel', [1, 1, 6, 4]],
    ]);
    const { grads } = tf.variableGrads(
      () => tf.addN(Object.values(hooks.lossCompose!(step(student, teacher)))),
      [...variables.values()],
    );
    expect(Object.keys(grads)).toHaveLength(2);
    for (const gradient of Object.values(grads)) expect(tf.sum(tf.abs(gradient)).dataSync()[0]).toBeGreaterThan(0);
  });
});

describe('a student that predicts distances in a batch without positives', () => {
  const [student, teacher] = [detector({ boxes: 'distance' }), detector({ boxes: 'distance', seed: 2 })];
  const empty = { matched: [-1], centerness: 0.5 };

  it('is left alone; the batches are counted, told once and carried across a resume', async () => {
    const { hooks, warnings } = stage(student, teacher);
    const terms = numbers(hooks.lossCompose!(step(student, teacher, empty)));
    expect(terms).toEqual({ cls: 0, reg: 0 });
    hooks.lossCompose!(step(student, teacher, { ...empty, matched: [0, -1] }));
    hooks.lossCompose!(step(student, teacher, empty));
    const state = await hooks.state!();
    expect([...state.get('empty')!.data]).toEqual([2]);
    await hooks.state!();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/2 batches so far had no positive prior.*parity: true/);
    hooks.dispose!();
    const resumed = stage(student, teacher);
    resumed.hooks.restore!(state);
    resumed.hooks.lossCompose!(step(student, teacher, empty));
    expect([...(await resumed.hooks.state!()).get('empty')!.data]).toEqual([3]);
    resumed.hooks.dispose!();
  });

  it('gets the losses of the reference on demand', () => {
    const terms = run(student, teacher, { parity: true }, empty);
    expect(terms['cls']).toBeGreaterThan(1e4);
    const some = { matched: [0, -1], centerness: 0.5 };
    expect(run(student, teacher, { parity: true }, some)).toEqual(run(student, teacher, {}, some));
  });
});

describe('a teacher of another kind', () => {
  const gfl = detector({ name: 'gfl', boxes: 'distribution', bins: 5 });

  it('is read in its own terms: its boxes, its priors, its coder', () => {
    const anchors = detector({ name: 'anchors', priors: 3, seed: 2 });
    // The same teacher over a student of its own kind, whose rows all count: rows are mapped per cell, sums divided
    // alike.
    const same = detector({ name: 'anchors', priors: 3, seed: 1 });
    const [mixed, plain] = [run(gfl, anchors, {}, { matched: [-1] }), run(same, anchors, {}, { matched: [-1] })];
    expect(Object.keys(mixed)).toEqual(['cls', 'reg']);
    expect(mixed['reg']).toBeGreaterThan(0);
    // Both students have the same towers, so the cross-head predictions are the same.
    expect(mixed['cls']).toBeCloseTo(plain['cls']!, 4);
    expect(mixed['reg']).toBeCloseTo(plain['reg']!, 4);
  });

  it('leaves out every prior of a cell that the student ignores', () => {
    const anchors = detector({ name: 'anchors', priors: 3, seed: 2 });
    const all = run(gfl, anchors, {}, { matched: [-1] });
    const half = run(gfl, anchors, {}, { matched: [-1, -2] });
    const other = run(gfl, anchors, {}, { matched: [-2, -1] });
    for (const name of ['cls', 'reg']) {
      expect(half[name]).toBeGreaterThan(0);
      expect(half[name]! + other[name]!).toBeCloseTo(all[name]!, 4);
    }
  });

  it('keeps the factor of classes with the denominator of the student', () => {
    const points = detector({ name: 'points', boxes: 'distance' });
    const anchors = detector({ name: 'anchors', seed: 2, centerness: true });
    const terms = run(points, anchors, { i: 3 }, { matched: [0, -1, -1], centerness: 1 });
    const same = run(detector({ name: 'anchors', centerness: true }), anchors, { i: 3 }, { matched: [0, -1, -1] });
    expect(Object.keys(terms)).toEqual(['cls', 'reg', 'ctr']);
    expect(terms['cls']).toBeCloseTo(0.4 * same['cls']!, 4);
    expect(terms['reg']).toBeCloseTo(same['reg']!, 4);
  });

  it('of the same name but with another coder is taken with coding: "teacher"', () => {
    const [student, teacher] = [detector({ priors: 2 }), detector({ priors: 3, seed: 2 })];
    expect(Object.keys(run(student, teacher, { coding: 'teacher' }))).toEqual(['cls', 'reg']);
  });
});

describe('levels', () => {
  const [student, teacher] = [detector(), detector({ seed: 2 })];
  const tiny = (seed: number): tf.Tensor4D[] => [
    tf.randomNormal([1, 2, 2, 4], 0, 1, 'float32', seed),
    tf.randomNormal([1, 1, 1, 4], 0, 1, 'float32', seed + 1),
  ];

  it('of one cell are refused in the first batch, and left out with a warning later', () => {
    const view = step(student, teacher, { own: tiny(1), taught: tiny(3) });
    const { hooks, warnings } = stage(student, teacher, { perLevel: true });
    expect(() => hooks.lossCompose!(view)).toThrow(/level p4 has one cell in a batch of one image.*batchSize 2/);
    hooks.lossCompose!(step(student, teacher));
    const terms = numbers(hooks.lossCompose!(view));
    expect(terms['cls.p3']).toBeGreaterThan(0);
    expect(terms['cls.p4']).toBe(0);
    hooks.lossCompose!(view);
    expect(warnings).toHaveLength(1);
  });

  it.each<Kind>([{}, { centerness: true }])('may be a single one: %j', (kind) => {
    const models = [detector({ ...kind, strides: [8] }), detector({ ...kind, strides: [8], seed: 2 })] as const;
    const level = (seed: number): tf.Tensor4D[] => [tf.randomNormal([2, 4, 4, 4], 0, 1, 'float32', seed)];
    const maps = { own: level(1), taught: level(3), centerness: 0.5 };
    const { hooks } = stage(...models);
    const sum = (): tf.Scalar => tf.addN(Object.values(hooks.lossCompose!(step(...models, maps)))) as tf.Scalar;
    const { variable } = models[0].variables.find(({ path }) => path === 'cls.0/kernel')!;
    const gradient = tf.variableGrads(sum, [variable]).grads[variable.name]!.dataSync();
    // The element of the largest gradient: of others the quotient is rounding.
    const largest = gradient.indexOf([...gradient].reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)));
    const values = variable.dataSync().slice();
    const at = (shift: number): number => {
      variable.assign(
        tf.tensor(
          values.map((value, i) => value + (i === largest ? shift : 0)),
          variable.shape,
        ),
      );
      return sum().dataSync()[0]!;
    };
    const quotient = (at(1e-2) - at(-1e-2)) / 2e-2;
    expect(Math.abs(gradient[largest]!)).toBeGreaterThan(0.01);
    expect(Math.abs(quotient / gradient[largest]! - 1)).toBeLessThan(0.02);
  });

  it('of different sizes are refused by name', () => {
    const wide = [tf.randomNormal<tf.Rank.R4>([2, 4, 5, 4]), tf.randomNormal<tf.Rank.R4>([2, 2, 2, 4])];
    expect(() => run(student, teacher, {}, { taught: wide })).toThrow(
      /level p3 differ: student 4 x 4 cells of 4 channels, teacher 4 x 5/,
    );
  });
});
