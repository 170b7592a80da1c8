import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import {
  createRng,
  createStepRng,
  type Detector,
  type Hooks,
  parseOptions,
  type PluginDefinition,
  type PluginScope,
  type StepView,
  TapRegistry,
  type Usable,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { kd, kdLoss, rkd } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

const CATEGORIES = [
  { id: 1, name: 'a' },
  { id: 2, name: 'b' },
];
const dense = (change: object = {}): Partial<Detector> => ({
  dense: { boxes: 'delta', priorsPerCell: 1, coding: { strides: [8] }, ...change },
});
const twoStage = (background = 0): Partial<Detector> =>
  ({ secondStage: { background } as Detector['secondStage'] }) as Partial<Detector>;

function create(
  plugin: unknown,
  options: object,
  student: Partial<Detector>,
  teacher: Partial<Detector> = student,
): Hooks {
  const { definition } = plugin as Usable<PluginDefinition<never>, never>;
  const detector = (name: string, members: Partial<Detector>) =>
    ({
      name,
      categories: CATEGORIES,
      taps: [{ name: 'neck@p3', stride: 8, channels: 2 }],
      capabilities: new Set(),
      ...members,
    }) as unknown as Detector;
  const models = { student: detector('small', student), teacher: detector('large', teacher) };
  const hooks = definition.create(
    { id: definition.name, ...models, rng: createRng(1) } as unknown as PluginScope,
    parseOptions(definition.options, options, definition.name),
  );
  hooks.featureTap?.(new TapRegistry(models).for(definition.name));
  return hooks;
}

it('rkd without a factor has the schedule of an idle distiller', () => {
  const progress = { step: 3, steps: 10, epoch: 0, epochs: 1, fraction: 0.3 };
  const factor = (options: object) => create(rkd, options, dense()).schedule!(progress);
  expect([factor({}), factor({ distance: 0 }), factor({ distance: 0, angle: 0 })]).toEqual([1, 1, 0]);
});

const normal = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number): tf.Tensor<R> =>
  tf.randomNormal<R>(shape, 0, 1, 'float32', seed);

/** One image, four priors, of which 1 and 3 are positive and 2 is ignored. */
function denseStep(trust?: readonly number[], change: Partial<StepView> = {}): StepView {
  const [own, taught] = [normal<tf.Rank.R4>([1, 2, 2, 2], 1), normal<tf.Rank.R4>([1, 2, 2, 2], 2)];
  const rows = tf.tensor2d([[1, 3, 0]], [1, 3], 'int32');
  const model = (cls: tf.Tensor4D) => ({
    predictions: { cls: [cls] },
    ofInstances: { logits: tf.gather(tf.reshape(cls, [1, 4, 2]), tf.reshape(rows, [3]), 1) },
  });
  const response = trust && tf.tensor2d([[...trust]]);
  return {
    student: model(own),
    teacher: model(taught),
    assignment: { matched: tf.tensor2d([[-1, 0, -2, 0]], [1, 4], 'int32'), positives: tf.tensor1d([2]) },
    instances: { mask: tf.tensor2d([[1, 1, 0]]), rows },
    weights: { get: () => (response ? { response, levels: [] } : null) },
    ...change,
  } as unknown as StepView;
}

const term = (hooks: Hooks, step: StepView, name = 'cls'): number =>
  tf.tidy(() => hooks.lossCompose!(step)[name]!.dataSync()[0]!);

describe('kd on dense heads', () => {
  /** What the function says of some priors. */
  const of = (rows: number[], averageFactor: number, options: Parameters<typeof kdLoss>[2] = { loss: 'qfl' }): number =>
    tf.tidy(() => {
      const { student, teacher } = denseStep();
      const pick = (cls: tf.Tensor): tf.Tensor => tf.gather(tf.reshape(cls, [4, 2]), tf.tensor1d(rows, 'int32'));
      return kdLoss(pick(student.predictions['cls']![0]!), pick(teacher.predictions['cls']![0]!), options, {
        averageFactor,
      }).dataSync()[0]!;
    });

  it('compares the scores of all priors but ignored ones, over the positives', () => {
    expect(term(create(kd, {}, dense()), denseStep())).toBeCloseTo(of([0, 1, 3], 2), 5);
    expect(term(create(kd, {}, dense({ boxes: 'distance' })), denseStep())).toBeCloseTo(0.4 * of([0, 1, 3], 2), 5);
    expect(term(create(kd, { loss: 'sigmoid', temperature: 2, weight: 3 }, dense()), denseStep())).toBeCloseTo(
      3 * of([0, 1, 3], 2, { loss: 'sigmoid', temperature: 2 }),
      4,
    );
  });

  it('compares the positives alone with on or with softmax, that with the weight 10', () => {
    expect(term(create(kd, { on: 'positives' }, dense()), denseStep())).toBeCloseTo(of([1, 3], 2), 5);
    expect(term(create(kd, { loss: 'softmax' }, dense()), denseStep())).toBeCloseTo(
      10 * of([1, 3], 2, { loss: 'softmax', reduction: 'classmean-weighted' }),
      4,
    );
    expect(term(create(kd, { reduction: 'batchmean' }, dense()), denseStep())).toBeCloseTo(
      of([1, 3], 2, { loss: 'softmax' }),
      5,
    );
  });

  it.each([{}, { on: 'positives' }, { loss: 'softmax' }])(
    'weighs instances by how far they can be trusted: %j',
    (options) => {
      const hooks = create(kd, options, dense());
      const at = (...trust: number[]): number => term(hooks, denseStep(trust));
      expect(at(1, 1, 1)).toBeCloseTo(term(hooks, denseStep()), 5);
      // What the row off the mask weighs does not count.
      expect(at(0.5, 1, 0)).toBeCloseTo((at(1, 1, 1) + at(0, 1, 1)) / 2, 5);
      const background = options.on === undefined && !('loss' in options) ? of([0], 2) : 0;
      expect(at(0, 0, 1)).toBeCloseTo(background, 5);
      const deaf = create(kd, { ...options, instanceWeights: false }, dense());
      expect(term(deaf, denseStep([0, 0, 1]))).toBe(term(hooks, denseStep()));
    },
  );

  describe('of other classes', () => {
    const named = (...names: string[]) => ({ ...dense(), categories: names.map((name, id) => ({ id, name })) });
    /** The teacher of {@link denseStep} with these of its columns; null is a class that the student lacks. */
    const columns = (step: StepView, places: readonly (number | null)[]): StepView => {
      const pick = <T extends tf.Tensor>(x: T): T =>
        tf.concat(
          places.map((place) => {
            const size = [...x.shape.slice(0, -1), 1];
            if (place === null) return tf.fill(size, 9);
            return tf.slice(x, [...x.shape.slice(0, -1).map(() => 0), place], size);
          }),
          -1,
        ) as T;
      const { predictions, ofInstances } = step.teacher;
      const labels = tf.tensor2d([[0, 1, 0]], [1, 3], 'int32');
      return {
        ...step,
        teacher: {
          predictions: { cls: predictions['cls']!.map(pick) },
          ofInstances: { logits: pick(ofInstances.logits) },
        },
        instances: { ...step.instances, labels },
      } as unknown as StepView;
    };

    it.each([{}, { loss: 'softmax' }])('takes those of one name, in whatever order and place: %j', (options) => {
      const expected = term(create(kd, options, dense()), denseStep());
      for (const [names, places] of [
        [
          ['b', 'a'],
          [1, 0],
        ],
        [
          ['N/A', 'b', 'N/A', 'x', 'a'],
          [null, 1, null, null, 0],
        ],
      ] as const) {
        const hooks = create(kd, options, dense(), named(...names));
        expect(term(hooks, columns(denseStep(), places))).toBeCloseTo(expected, 5);
      }
    });

    it('leaves out the rest: columns of scores, and objects', () => {
      const alone = (cls: tf.Tensor): tf.Tensor => tf.slice(tf.reshape(cls, [4, 2]), [0, 1], [4, 1]);
      const { student, teacher } = denseStep();
      const rows = (cls: tf.Tensor4D, ...at: number[]) => tf.gather(alone(cls), tf.tensor1d(at, 'int32'));
      const by = (at: number[], options: Parameters<typeof kdLoss>[2], averageFactor: number) =>
        kdLoss(rows(student.predictions['cls']![0]!, ...at), rows(teacher.predictions['cls']![0]!, ...at), options, {
          averageFactor,
        }).dataSync()[0]!;
      const step = () => columns(denseStep(), [1, null]);
      expect(term(create(kd, {}, dense(), named('b', 'x')), step())).toBeCloseTo(by([0, 1, 3], { loss: 'qfl' }, 2), 5);
      // Of the two positives, priors 1 and 3 of classes a and b, the second alone.
      expect(term(create(kd, { on: 'positives' }, dense(), named('b', 'x')), step())).toBeCloseTo(
        by([3], { loss: 'qfl' }, 1),
        5,
      );
    });
  });

  it('is finite without a positive', () => {
    const none = {
      assignment: { matched: tf.fill([1, 4], -1, 'int32'), positives: tf.zeros([1]) },
      instances: { mask: tf.zeros([1, 3]) },
    } as unknown as Partial<StepView>;
    expect(term(create(kd, {}, dense()), denseStep(undefined, none))).toBeCloseTo(of([0, 1, 2, 3], 1), 5);
    expect(term(create(kd, { loss: 'softmax' }, dense()), denseStep(undefined, none))).toBe(0);
  });
});

describe('kd on second stages', () => {
  it('moves the background of the teacher to where the student has it', () => {
    const [own, taught] = [normal<tf.Rank.R3>([1, 2, 3], 1), normal<tf.Rank.R3>([1, 2, 3], 2)];
    const step = (target: tf.Tensor3D) =>
      denseStep(undefined, {
        student: { ofInstances: { logits: own } },
        teacher: { ofInstances: { logits: target } },
        instances: { mask: tf.ones([1, 2]) },
      } as unknown as Partial<StepView>);
    const turned = tf.concat([tf.slice(taught, [0, 0, 1], [1, 2, 2]), tf.slice(taught, [0, 0, 0], [1, 2, 1])], 2);
    const same = term(create(kd, {}, twoStage(0)), step(taught));
    expect(same).toBeCloseTo(kdLoss(own, taught, { loss: 'softmax', temperature: 2 }).dataSync()[0]!, 5);
    expect(term(create(kd, {}, twoStage(0), twoStage(2)), step(turned))).toBe(same);
  });
});

describe('kd on second stages of other classes', () => {
  const named = (background: number, ...names: string[]) =>
    ({ ...twoStage(background), categories: names.map((name, id) => ({ id, name })) }) as Partial<Detector>;
  const [own, taught] = [normal<tf.Rank.R3>([1, 2, 3], 1), normal<tf.Rank.R3>([1, 2, 4], 2)];
  const step = denseStep(undefined, {
    student: { ofInstances: { logits: own } },
    teacher: { ofInstances: { logits: taught } },
    instances: { mask: tf.ones([1, 2]), labels: tf.tensor2d([[0, 1]], [1, 2], 'int32') },
  } as unknown as Partial<StepView>);
  const byHand = (row: number, student: number[], teacher: number[]) =>
    kdLoss(
      tf.gather(tf.slice(own, [0, row, 0], [1, 1, 3]), student, 2),
      tf.gather(tf.slice(taught, [0, row, 0], [1, 1, 4]), teacher, 2),
      { loss: 'softmax', temperature: 2 },
    ).dataSync()[0]!;

  it('compares those of one name and the background, wherever each has it', () => {
    // The student has background, a, b; the teacher b, x, a, background.
    const found = term(create(kd, {}, named(0, 'a', 'b'), named(3, 'b', 'x', 'a')), step);
    const rows = [0, 1].map((row) => byHand(row, [1, 2, 0], [2, 0, 3]));
    expect(found).toBeCloseTo((rows[0]! + rows[1]!) / 2, 5);
  });

  it('leaves out regions of objects that the teacher does not know', () => {
    // The teacher has x, b, y, background: of the two objects, of classes a and b, the second alone counts.
    const found = term(create(kd, {}, named(0, 'a', 'b'), named(3, 'x', 'b', 'y')), step);
    expect(found).toBeCloseTo(byHand(1, [2, 0], [1, 3]), 5);
  });
});

describe('kd refuses, before a step,', () => {
  it.each([
    [
      'no class in common',
      {},
      dense(),
      { ...dense(), categories: [{ id: 1, name: 'c' }] },
      /kd: teacher and student have no class in common: the teacher has c, .* classes: \{"c":"a"\}/,
    ],
    ['other priors', {}, dense(), dense({ coding: { strides: [16] } }), /the priors differ.*strides.*coding: 'any'/s],
    [
      'more priors a cell',
      { coding: 'any' },
      dense(),
      dense({ priorsPerCell: 9 }),
      /priorsPerCell of the student 1, of the teacher 9/,
    ],
    [
      'one stage and two',
      {},
      dense(),
      twoStage(),
      /the student \(small\) has one stage and the teacher \(large\) has two stages/,
    ],
    ['heads that say nothing', {}, {}, {}, /neither dense class scores nor a second stage/],
    ['scores of a second stage', { loss: 'qfl' }, twoStage(), twoStage(), /one distribution.*softmax/s],
    ['all priors of a second stage', { on: 'all' }, twoStage(), twoStage(), /on: 'all'/],
    ['a temperature of qfl', { loss: 'qfl', temperature: 2 }, dense(), dense(), /leave temperature out/],
    [
      'softmax on all priors',
      { loss: 'softmax', on: 'all' },
      dense(),
      dense(),
      /means nothing where there is no object/,
    ],
  ] as const)('%s', (_, options, student, teacher, message) => {
    expect(() => create(kd, options, student, teacher as Partial<Detector>)).toThrow(message);
  });

  it('but takes other codings of the same priors when told so', () => {
    expect(() => create(kd, { coding: 'any' }, dense(), dense({ boxes: 'distance', coding: {} }))).not.toThrow();
  });
});

describe('rkd', () => {
  it('refuses a one-stage teacher of a two-stage student, but not with gk', () => {
    expect(() => create(rkd, {}, twoStage(), dense())).toThrow(/pools regions.*flavour: 'gk'/s);
    expect(() => create(rkd, { flavour: 'gk' }, twoStage(), dense())).not.toThrow();
    expect(() => create(rkd, {}, {})).toThrow(/neither a dense head nor a second stage/);
  });

  it('fades with gk alone', () => {
    const at = (options: object): number =>
      create(rkd, options, dense()).schedule!({ step: 5, steps: 10, epoch: 1, epochs: 2, fraction: 0.5 });
    expect([at({}), at({ flavour: 'gk' }), at({ flavour: 'gk', schedule: {} })]).toEqual([1, 0.5, 1]);
  });

  /** Four instances of one image on a map of 4 x 4 cells. */
  const step = (trust?: readonly number[], count = 4): StepView => {
    const maps = { student: normal<tf.Rank.R4>([1, 4, 4, 2], 1), teacher: normal<tf.Rank.R4>([1, 4, 4, 2], 2) };
    const response = trust && tf.tensor2d([[...trust]]);
    return {
      student: { tap: () => maps.student },
      teacher: { tap: () => maps.teacher },
      priors: { perLevel: [16] },
      instances: {
        mask: tf.tensor2d([[0, 1, 2, 3].map((i) => (i < count ? 1 : 0))]),
        rows: tf.tensor2d([[0, 5, 9, 15]], [1, 4], 'int32'),
        boxes: tf.tensor3d([
          [
            [0, 0, 7, 7],
            [8, 8, 24, 24],
            [16, 0, 31, 15],
            [2, 18, 9, 30],
          ],
        ]),
      },
      weights: { get: () => (response ? { response, levels: [] } : null) },
      rng: createStepRng(3),
    } as unknown as StepView;
  };

  it('weighs pairs by the product of their trust, and gk by nothing', () => {
    const [plain, gk] = [create(rkd, {}, dense()), create(rkd, { flavour: 'gk' }, dense())];
    const whole = term(plain, step(), 'distance');
    expect(whole).toBeGreaterThan(0);
    expect(term(plain, step([0.5, 0.5, 0.5, 0.5]), 'distance')).toBeCloseTo(whole / 4, 5);
    expect(term(plain, step([0.5, 0.5, 0.5, 0.5]), 'angle')).toBeCloseTo(term(plain, step(), 'angle') / 8, 5);
    expect(term(gk, step([0.5, 0.5, 0.5, 0.5]), 'distance')).toBe(term(gk, step(), 'distance'));
    expect(term(create(rkd, { instanceWeights: false }, dense()), step([0.5, 0.5, 0.5, 0.5]), 'distance')).toBe(whole);
    // One level: the same relations, with other factors.
    expect(term(gk, step(), 'distance')).toBeCloseTo(whole / 5, 5);
  });

  it('is 0 with too few instances: three are needed, gk takes two', () => {
    const [plain, gk] = [create(rkd, {}, dense()), create(rkd, { flavour: 'gk' }, dense())];
    expect([0, 1, 2].map((count) => term(plain, step(undefined, count), 'distance'))).toEqual([0, 0, 0]);
    expect(term(plain, step(undefined, 3), 'distance')).toBeGreaterThan(0);
    expect([0, 1].map((count) => term(gk, step(undefined, count), 'angle'))).toEqual([0, 0]);
    expect(Number.isFinite(term(gk, step(undefined, 2), 'angle'))).toBe(true);
  });

  it('draws no more than its cap, the same after a resume', () => {
    const capped = create(rkd, { cap: 3 }, dense());
    expect(term(capped, step(), 'distance')).toBe(term(capped, step(), 'distance'));
    expect(term(capped, step(), 'distance')).not.toBeCloseTo(term(create(rkd, {}, dense()), step(), 'distance'), 5);
  });
});
