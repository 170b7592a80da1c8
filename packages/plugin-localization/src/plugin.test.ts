import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { configSchema, type Detector, type Hooks, parseOptions, type PluginScope, type StepView } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import ld, * as exported from './index.js';
import { type LdInput, ldLoss, valuableRegion } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const CATEGORIES = [
  { id: 1, name: 'a' },
  { id: 2, name: 'b' },
];
const BINS = 5;
const gfl = (change: object = {}): Partial<Detector> => ({
  dense: { boxes: 'distribution', bins: BINS, priorsPerCell: 1, coding: { strides: [8] }, ...change },
});

function create(options: LdInput, student = gfl(), teacher: Partial<Detector> = student): Hooks {
  const detector = (name: string, members: Partial<Detector>) =>
    ({ name, categories: CATEGORIES, ...members }) as unknown as Detector;
  const scope = { id: 'ld', student: detector('small', student), teacher: detector('large', teacher) };
  return ld.definition.create(scope as unknown as PluginScope, parseOptions(ld.definition.options, options, 'ld'));
}

const SIDE = 4;
const edges = (seed: number): tf.Tensor4D => tf.randomNormal([1, SIDE, SIDE, 4 * BINS], 0, 1, 'float32', seed);
const scores = (): tf.Tensor4D => tf.randomNormal([1, SIDE, SIDE, 2], 0, 1, 'float32', 5);
const BOXES = [
  [0, 0, 16, 16],
  [8, 8, 30, 30],
];

/** One image of 4 x 4 cells; the priors 0 and 5 answer for the first object, 10 for the second, and 13 is ignored. */
function stepOf({ reg = edges(1), trust, boxes = BOXES }: { reg?: tf.Tensor4D; trust?: number[]; boxes?: number[][] }) {
  const matched = Array.from({ length: SIDE * SIDE }, (_, i) =>
    boxes.length === 0 ? -1 : ({ 0: 0, 5: 0, 10: 1, 13: -2 }[i] ?? -1),
  );
  const anchors = Array.from({ length: SIDE * SIDE }, (_, i) => [8 * (i % SIDE), 8 * Math.floor(i / SIDE)]).map(
    ([x, y]) => [x! - 4, y! - 4, x! + 12, y! + 12],
  );
  const none = boxes.length === 0;
  return {
    student: { predictions: { reg: [reg], cls: [scores()] } },
    teacher: { predictions: { reg: [edges(2)] } },
    priors: { boxes: tf.tensor2d(anchors), perLevel: [SIDE * SIDE] },
    targets: { boxes: tf.tensor3d(boxes.flat(), [1, boxes.length, 4]), mask: tf.ones([1, boxes.length]) },
    assignment: { matched: tf.tensor2d([matched], [1, SIDE * SIDE], 'int32') },
    instances: {
      mask: tf.tensor2d([none ? [0, 0, 0, 0] : [1, 1, 1, 0]]),
      rows: tf.tensor2d([none ? [0, 0, 0, 0] : [0, 5, 10, 0]], [1, 4], 'int32'),
      matched: tf.tensor2d([none ? [-1, -1, -1, -1] : [0, 0, 1, -1]], [1, 4], 'int32'),
    },
    weights: { get: () => (trust ? { response: tf.tensor2d([trust]), levels: [] } : null) },
  } as unknown as StepView;
}

type Scene = Parameters<typeof stepOf>[0];

const terms = (options: LdInput, scene: Scene = {}): Record<'main' | 'vlr', number> =>
  tf.tidy(() => {
    const got = create(options).lossCompose!(stepOf(scene));
    expect(Object.keys(got)).toEqual(['main', 'vlr']);
    return { main: got['main']!.dataSync()[0]!, vlr: got['vlr']!.dataSync()[0]! };
  });

const boxesOf = (map: tf.Tensor4D): tf.Tensor => tf.reshape(map, [SIDE * SIDE, 4, BINS]);

/** The main term of some priors. */
const mainOf = (weights: Readonly<Record<number, number>>): number =>
  tf.tidy(() => {
    const sure = tf.sigmoid(tf.max(tf.reshape(scores(), [SIDE * SIDE, 2]), 1));
    const counts = tf.tensor1d(Array.from({ length: SIDE * SIDE }, (_, i) => weights[i] ?? 0));
    return ldLoss(boxesOf(edges(1)), boxesOf(edges(2)), {}, { weights: tf.mul(sure, counts) }).dataSync()[0]!;
  });

/** The term of the region, without the ignored prior. */
const regionOf = (values: number[]): number =>
  tf.tidy(() => {
    const { priors, targets } = stepOf({});
    const region = valuableRegion(priors.boxes, targets.boxes, targets.mask, {
      perLevel: priors.perLevel,
      values: tf.tensor2d([values]),
    });
    expect(region.dataSync()[13]).toBeGreaterThan(0);
    const known = tf.tensor1d(Array.from({ length: SIDE * SIDE }, (_, i) => (i === 13 ? 0 : 1)));
    return ldLoss(
      boxesOf(edges(1)),
      boxesOf(edges(2)),
      {},
      { weights: tf.mul(tf.reshape(region, [-1]), known), averageFactor: 16 },
    ).dataSync()[0]!;
  });

describe('ld', () => {
  it("compares the edges of positives, as sure as the student's score is, and those of the region", () => {
    const { main, vlr } = terms({});
    expect(main).toBeGreaterThan(0);
    expect(main).toBeCloseTo(0.25 * mainOf({ 0: 1, 5: 1, 10: 1 }), 5);
    expect(vlr).toBeGreaterThan(0);
    expect(vlr).toBeCloseTo(0.25 * regionOf([1, 1]), 5);
    expect(terms({ main: 3, vlr: 0 })).toEqual({ main: expect.closeTo(12 * main, 4) as number, vlr: 0 });
  });

  it('weighs an instance by its weight, and the region of an object by the mean of its instances, unless told not to', () => {
    const trusted = terms({}, { trust: [0.5, 0.1, 0.8, 9] });
    expect(trusted.main).toBeCloseTo(0.25 * mainOf({ 0: 0.5, 5: 0.1, 10: 0.8 }), 5);
    expect(trusted.vlr).toBeCloseTo(0.25 * regionOf([0.3, 0.8]), 5);
    expect(trusted.vlr).not.toBeCloseTo(terms({}).vlr, 4);
    expect(terms({ instanceWeights: false }, { trust: [0.5, 0.1, 0.8, 9] })).toEqual(terms({}));
    expect(terms({}, { trust: [1, 1, 1, 0] }).main).toBeCloseTo(terms({}).main, 6);
  });

  it('is 0 with a gradient of 0 without a box', () => {
    expect(terms({}, { boxes: [] })).toEqual({ main: 0, vlr: 0 });
    const gradient = tf.grad((reg: tf.Tensor) => {
      const { main, vlr } = create({}).lossCompose!(stepOf({ reg: reg as tf.Tensor4D, boxes: [] }));
      return tf.add(main!, vlr!);
    })(edges(1));
    expect(gradient.dataSync().every((slope) => slope === 0)).toBe(true);
  });

  it('gives the class scores no gradient, although they weigh', () => {
    const gradient = tf.grad((cls: tf.Tensor) => {
      const step = stepOf({});
      const student = { predictions: { ...step.student.predictions, cls: [cls as tf.Tensor4D] } };
      const { main } = create({}).lossCompose!({ ...step, student } as unknown as StepView);
      return tf.add(main!, tf.mul(tf.sum(cls), 0)) as tf.Scalar;
    })(scores());
    expect(gradient.dataSync().every((slope) => slope === 0)).toBe(true);
  });

  it('has the schedule of an idle distiller without a factor', () => {
    const progress = { step: 3, steps: 10, epoch: 0, epochs: 1, fraction: 0.3 };
    const factor = (options: LdInput) => create(options).schedule!(progress);
    expect([factor({}), factor({ main: 0 }), factor({ main: 0, vlr: 0 })]).toEqual([1, 1, 0]);
    expect(factor({ schedule: { start: 2, warmup: 4 } })).toBe(0.5);
  });
});

describe('ld refuses, before a step,', () => {
  const twoStage = { secondStage: { background: 0 } } as unknown as Partial<Detector>;
  it.each<[string, Partial<Detector>, Partial<Detector>, RegExp]>([
    ['offsets', gfl({ boxes: 'delta', bins: undefined }), gfl(), /the student \(small\) predicts offsets.*e\.g\. gfl/s],
    ['distances', gfl(), gfl({ boxes: 'distance' }), /the teacher \(large\) predicts one distance a side/],
    ['two stages', gfl(), twoStage, /the teacher \(large\) has two stages/],
    ['no head', {}, gfl(), /the student \(small\) has no dense head/],
    ['other bins', gfl(), gfl({ bins: 9 }), /bins of the student 5, of the teacher 9\. Give the student the teacher's/],
    ['other priors', gfl(), gfl({ coding: { strides: [16] } }), /coding of the student.*coding: 'any'/s],
  ])('%s', (_, student, teacher, message) => {
    expect(() => create({}, student, teacher)).toThrow(message);
  });

  it('but takes a teacher of other classes, whose edges are edges all the same', () => {
    expect(() => create({}, gfl(), { ...gfl(), categories: [{ id: 7, name: 'z' }] })).not.toThrow();
  });

  it('but takes other codings of the same edges when told so', () => {
    expect(() => create({ coding: 'any' }, gfl(), gfl({ coding: {} }))).not.toThrow();
  });

  it.each([
    [{ temperature: 0 }, /temperature/],
    [{ topk: 0 }, /topk/],
    [{ lower: 2 }, /lower/],
    [{ overlap: 'giou' }, /overlap/],
    [{ weight: 1 }, /weight/],
  ])('options that cannot be meant: %j', (options, message) => {
    expect(() => create(options as LdInput)).toThrow(message);
  });
});

it('has presets that stand in the manifest under the names of their exports', () => {
  const { kd } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    kd: { kind: string; name: string; export?: 'ldKd' | 'ldGi' }[];
  };
  const presets = kd.filter(({ kind }) => kind === 'preset');
  expect(presets.map(({ name }) => name)).toEqual(['ld+kd', 'ld+gi']);
  for (const preset of presets)
    expect(v.parse(configSchema.entries.distillers, exported[preset.export!])).toHaveLength(2);
});
