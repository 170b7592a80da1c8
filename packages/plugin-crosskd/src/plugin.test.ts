import '@tensorflow/tfjs-backend-cpu';
import {
  type Assignment,
  createRng,
  type DenseInfo,
  type Detector,
  type DetectorOutput,
  type Hooks,
  parseOptions,
  type PluginScope,
  type StagedHead,
  type StepView,
  TapRegistry,
} from '@kd/core';
import { buildDenseHead, decodeBoxes, decodeDistances, type DenseHead, layerVariables } from '@kd/vision';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import crosskd, { type CrossKdInput } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

interface Made extends Detector {
  readonly head: DenseHead;
  readonly dense: DenseInfo;
}

interface Kind {
  readonly name?: string;
  readonly boxes?: DenseInfo['boxes'];
  readonly bins?: number;
  /** Priors a cell. */
  readonly priors?: number;
  readonly depth?: number;
  readonly width?: number;
  readonly strides?: readonly number[];
  readonly classes?: readonly string[];
  readonly centerness?: boolean;
  readonly seed?: number;
}

const CELLS = 4;

/** A detector of any kind around a head; the finest level has 4 x 4 cells. */
function detector({
  name = 'a',
  boxes = 'delta',
  bins,
  priors = 1,
  depth = 3,
  width = 4,
  strides = [8, 16],
  classes = ['x', 'y'],
  centerness = false,
  seed = 1,
}: Kind = {}): Made {
  const block = (path: string) => (i: number) => ({
    conv: `${path}.${i}`,
    norm: `${path}.${i}.n`,
    tap: `${path}.${i}`,
  });
  const activate = boxes === 'distance' ? (map: tf.Tensor4D): tf.Tensor4D => tf.exp(map) : undefined;
  const reg = { layer: 'reg.out', channels: priors * 4 * (bins ?? 1), ...(activate && { activate, bias: 2 }) };
  const head = buildDenseHead({
    detector: name,
    inChannels: 4,
    depth,
    channels: width,
    norm: 'none',
    groups: 1,
    strides,
    seed,
    branches: {
      cls: { block: block('cls'), outputs: { cls: { layer: 'cls.out', channels: priors * classes.length, bias: -1 } } },
      reg: {
        block: block('reg'),
        outputs: { reg, ...(centerness && { centerness: { layer: 'ctr.out', channels: priors } }) },
      },
    },
  });
  // The initial weights are small: larger ones make predictions that differ.
  for (const { path, variable } of layerVariables(head.layers))
    if (path.endsWith('kernel')) tf.tidy(() => variable.assign(tf.mul(variable, 25)));
  const grid = (levels: readonly tf.Tensor4D[]): number[][] =>
    levels.flatMap(({ shape: [, h, w] }, level) => {
      const stride = strides[level]!;
      return Array.from({ length: h * w }, (_, i) => [(i % w) * stride, Math.floor(i / w) * stride]).flatMap(([x, y]) =>
        Array.from({ length: priors }, (_, prior) => [
          x! - stride,
          y! - stride * (prior + 1),
          x! + stride,
          y! + stride * (prior + 1),
        ]),
      );
    });
  return {
    name,
    head,
    capabilities: new Set(['dense', 'head.staged']),
    categories: classes.map((of, id) => ({ id, name: of })),
    taps: [...strides.map((stride) => ({ name: `neck@p${Math.log2(stride)}`, stride, channels: 4 })), ...head.taps],
    variables: layerVariables(head.layers),
    dense: { boxes, ...(bins && { bins }), priorsPerCell: priors, coding: { strides, priors } },
    priors: ({ levels }) => ({
      boxes: tf.tensor2d(grid(levels)),
      perLevel: levels.map(({ shape: [, h, w] }) => h * w * priors),
      strides: strides.map((stride) => [stride, stride]),
    }),
    decode: (codes, { boxes: anchors }) =>
      (boxes === 'distance'
        ? decodeDistances(codes, tf.expandDims(anchors, 0), { normalizeBySize: false })
        : decodeBoxes(codes, tf.expandDims(anchors, 0))) as tf.Tensor3D,
  } as Partial<Detector> as Made;
}

function forward({ head, taps }: Made, levels: readonly tf.Tensor4D[]): DetectorOutput {
  const tapped: Record<string, tf.Tensor4D> = Object.fromEntries(levels.map((map, level) => [taps[level]!.name, map]));
  const predictions: Record<string, tf.Tensor4D[]> = {};
  for (const branch of head.branches) {
    levels.forEach((map, level) => {
      for (const { name } of head.taps) {
        const place = head.locate(name)!;
        if (place.branch === branch && place.level === level)
          tapped[name] = head.run(branch, map, { level, to: place.block + 1 })['feature']!;
      }
      for (const [name, predicted] of Object.entries(head.run(branch, map, { level })))
        (predictions[name] ??= []).push(predicted);
    });
  }
  return { taps: tapped, levels, predictions, updates: [] };
}

const pyramid = (seed: number, batch = 2): tf.Tensor4D[] =>
  [CELLS, CELLS / 2].map((side, level) =>
    tf.randomNormal<tf.Rank.R4>([batch, side, side, 4], 0, 1, 'float32', seed + level),
  );

interface Stage {
  readonly hooks: Hooks;
  readonly variables: Map<string, tf.Variable>;
  readonly warnings: string[];
}

function stage(student: Detector, teacher: Detector, options: CrossKdInput = {}, id = 'crosskd'): Stage {
  const variables = new Map<string, tf.Variable>();
  const warnings: string[] = [];
  const variable: PluginScope['variable'] = (name, initial) => {
    variables.set(name, tf.variable(initial));
    return variables.get(name)!;
  };
  const logger = { info: () => {}, warn: (message: string) => void warnings.push(message) };
  const scope = { id, student, teacher, logger, rng: createRng(1), variable } as unknown as PluginScope;
  const hooks = crosskd.definition.create(scope, parseOptions(crosskd.definition.options, options, 'crosskd'));
  hooks.featureTap!(new TapRegistry({ student, teacher }).for(id));
  return { hooks, variables, warnings };
}

/**
 * A step; `matched` is repeated over the priors: 0 positive, -1 background, -2 ignored. `centerness` is the target of
 * every positive.
 */
function step(
  student: Made,
  teacher: Made,
  {
    matched,
    centerness,
    own = pyramid(1),
    taught = pyramid(11),
  }: { matched?: number[]; centerness?: number; own?: tf.Tensor4D[]; taught?: tf.Tensor4D[] } = {},
): StepView {
  const outputs = { student: forward(student, own), teacher: forward(teacher, taught) };
  const priors = student.priors(outputs.student, [32, 32]);
  const shape: [number, number] = [own[0]!.shape[0], priors.boxes.shape[0]];
  const rows = tf.tensor2d(
    Array.from(
      { length: shape[0] * shape[1] },
      (_, i) => (matched ?? [0, -1, -1])[i % (matched ?? [0, -1, -1]).length]!,
    ),
    shape,
    'int32',
  );
  const positive = tf.cast(tf.greaterEqual(rows, tf.scalar(0, 'int32')), 'float32');
  const assignment: Assignment = {
    matched: rows,
    positives: tf.sum(positive, 1),
    ...(centerness !== undefined && { centerness: tf.mul(positive, centerness) as tf.Tensor2D }),
  };
  const view = (made: Made, { taps, predictions }: DetectorOutput) => ({
    tap: (tap: { name: string }) => taps[tap.name]!,
    predictions,
    head: made.head,
  });
  return {
    student: view(student, outputs.student),
    teacher: view(teacher, outputs.teacher),
    priors,
    assignment,
    targets: { paddedSize: [32, 32] },
  } as unknown as StepView;
}

const numbers = (terms: Readonly<Record<string, tf.Scalar>>): Record<string, number> =>
  Object.fromEntries(Object.entries(terms).map(([name, term]) => [name, term.dataSync()[0]!]));
const run = (
  student: Made,
  teacher: Made,
  options: CrossKdInput = {},
  of: Parameters<typeof step>[2] = {},
): Record<string, number> => numbers(stage(student, teacher, options).hooks.lossCompose!(step(student, teacher, of)));

describe('crosskd refuses before the first step', () => {
  const taught = detector({ seed: 2 });
  const without = (made: Made, key: keyof Made): Detector => ({ ...made, [key]: undefined }) as unknown as Detector;

  it.each<[string, () => unknown, RegExp]>([
    [
      'i beyond a tower',
      () => stage(detector({ depth: 4 }), taught, { i: 4 }),
      /i is 4, but the towers have student cls 4, student reg 4, teacher cls 3, .*at most 3/,
    ],
    [
      'other classes',
      () => stage(detector({ classes: ['x', 'z'] }), taught),
      /the teacher knows x, y, the student x, z/,
    ],
    [
      'another number of priors',
      () => stage(detector({ priors: 3 }), taught),
      /priorsPerCell of the student 3, of the teacher 1.*coding: "teacher"/,
    ],
    [
      'other priors and coder',
      () => stage({ ...detector(), dense: { ...taught.dense, coding: { std: 0.1 } } }, taught),
      /coding of the student \{"std":0.1\}/,
    ],
    [
      'other bins',
      () => stage(detector({ boxes: 'distribution', bins: 5 }), detector({ boxes: 'distribution', bins: 17 })),
      /bins of the student 5, of the teacher 17/,
    ],
    [
      'a level that the teacher lacks',
      () => stage(detector({ strides: [8, 16, 32] }), detector({ strides: [8, 16] }), { coding: 'teacher' }),
      /strides without a partner: neck@p5/,
    ],
    [
      'other strides',
      () => stage(detector({ strides: [8, 16] }), detector({ strides: [16, 32] }), { coding: 'teacher' }),
      /strides without a partner/,
    ],
    [
      'another width',
      () => stage(detector({ width: 6 }), taught),
      /level p3 behind 3 blocks of the cls branch: the student has 6 channels, the teacher 4\. Set adapter: 'conv1x1'/,
    ],
    [
      'a detector without a staged head',
      () => stage(without(detector(), 'head'), taught),
      /the student \(a\) lacks a staged head/,
    ],
    [
      'a detector without dense info',
      () => stage(detector(), without(taught, 'dense')),
      /the teacher \(a\) lacks to say how its maps are read/,
    ],
    [
      'a head that cannot show a block before its ReLU',
      () =>
        stage(
          { ...detector(), head: { ...detector().head, preActivation: undefined } as unknown as StagedHead },
          taught,
          { tap: 'pre' },
        ),
      /tap "pre".*the head of the student/,
    ],
    ['options that do not exist', () => stage(detector(), taught, { wieghts: {} } as CrossKdInput), /wieghts/],
    ['a factor below 0', () => stage(detector(), taught, { weights: { cls: -1 } }), /weights\.cls/],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });

  it.each<[Kind, CrossKdInput]>([
    [{ classes: ['x', 'z'] }, {}],
    [{ priors: 3 }, {}],
    [{ depth: 1 }, { i: 2 }],
    [{ width: 6 }, {}],
  ])('under the id that it has in the run', (kind, options) => {
    expect(() => stage(detector(kind), taught, options, 'deep')).toThrow(/^deep: /);
  });

  it('takes the depth of the shallower head where i is not given', () => {
    // i = 2: a cut behind both of the student's blocks, so that an explicit 2 gives the same.
    const [student, teacher] = [detector({ depth: 2 }), detector({ depth: 5, seed: 2 })];
    expect(run(student, teacher)).toEqual(run(student, teacher, { i: 2 }));
    expect(run(student, teacher)).not.toEqual(run(student, teacher, { i: 1 }));
  });
});

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

  it('is left alone; the batches are counted, told once and carried across a resume', () => {
    const { hooks, warnings } = stage(student, teacher);
    const terms = numbers(hooks.lossCompose!(step(student, teacher, empty)));
    expect(terms).toEqual({ cls: 0, reg: 0 });
    hooks.lossCompose!(step(student, teacher, { ...empty, matched: [0, -1] }));
    hooks.lossCompose!(step(student, teacher, empty));
    const state = hooks.state!();
    expect([...state.get('empty')!.data]).toEqual([2]);
    hooks.state!();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/2 batches so far had no positive prior.*parity: true/);
    hooks.dispose!();
    const resumed = stage(student, teacher);
    resumed.hooks.restore!(state);
    resumed.hooks.lossCompose!(step(student, teacher, empty));
    expect([...resumed.hooks.state!().get('empty')!.data]).toEqual([3]);
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

  it('of different sizes are refused by name', () => {
    const wide = [tf.randomNormal<tf.Rank.R4>([2, 4, 5, 4]), tf.randomNormal<tf.Rank.R4>([2, 2, 2, 4])];
    expect(() => run(student, teacher, {}, { taught: wide })).toThrow(
      /level p3 differ: student 4 x 4 cells of 4 channels, teacher 4 x 5/,
    );
  });
});
