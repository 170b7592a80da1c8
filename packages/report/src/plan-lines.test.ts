import type { Plan, PlannedDetector, PlannedDistiller } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { partLines, planLines } from './plan-lines.js';

const detector = (more: Partial<PlannedDetector> = {}): PlannedDetector => ({
  name: 'toy',
  package: { name: '@kd/detector-toy', version: '1.0.0' },
  options: {},
  parameters: 1200,
  trainable: 900,
  weights: null,
  capabilities: ['dense', 'head.staged'],
  input: { minSize: [640, 800], maxSize: 1333, fixedSize: null, mean: [0, 0, 0], std: [1, 1, 1], sizeDivisible: 32 },
  levels: [
    { name: 'neck@p3', stride: 8, channels: 16 },
    { name: 'neck@p4', stride: 16, channels: 16 },
  ],
  ...more,
});

const tap = (name: string, stride: number, shape: readonly number[] | null = [2, 64 / stride, 64 / stride, 16]) => ({
  name,
  stride,
  channels: 16,
  shape,
});
const mimic: PlannedDistiller = {
  id: 'deep',
  name: 'mimic',
  package: null,
  preset: 'deep+wide',
  options: { taps: 'neck@*', layers: ['a', 'b'] },
  requires: { student: ['dense'], teacher: [] },
  taps: {
    student: [tap('neck@p3', 8), tap('neck@p4', 16), tap('head.cls@p4', 16)],
    teacher: [tap('neck@p3', 8), tap('neck@p4', 16)],
  },
  pairs: [
    { stride: 8, student: 'neck@p3', teacher: 'neck@p3' },
    { stride: 16, student: 'neck@p4', teacher: 'neck@p4' },
  ],
  variables: [
    { path: 'deep/kernel', shape: [1, 1, 16, 16], trainable: true, optimizer: { name: 'adamw', lr: 1e-4 } },
    { path: 'deep/mean', shape: [], trainable: false },
  ],
  pass: { every: { steps: 500 }, times: 3, measured: { images: 16, seconds: 2.04 } },
  factor: [
    { step: 1, value: 0.25 },
    { step: 500, value: 1 },
    { step: 1000, value: 1 },
  ],
};

const step = {
  seconds: 0.5,
  waited: 0.25,
  batch: [2, 64, 64, 3],
  terms: { cls: 1.5, 'deep.feat': 0.25 },
  total: 1.75,
  stats: {},
  lr: 1e-5,
  tensors: 300,
  bytes: 5.5 * 2 ** 20,
};
const plan: Plan = {
  engine: {
    name: 'cpu',
    backend: 'cpu',
    version: '4.22.0',
    library: null,
    device: 'cpu',
    threads: 1,
    memoryLimit: 2 ** 32,
  },
  seed: 7,
  student: detector(),
  teacher: detector({
    weights: 'runs/teacher/checkpoints/best.safetensors',
    input: { ...detector().input, fixedSize: [64, 96] },
  }),
  data: {
    train: { name: 'cells', images: 8, objects: 20 },
    val: null,
    classes: ['red', 'blue'],
    augment: ['flip', 'jitter'],
    workers: 1,
  },
  distillers: [mimic],
  training: {
    epochs: 4,
    stepsPerEpoch: 250,
    steps: 1000,
    batchSize: 2,
    accumulate: 4,
    trained: 1156,
    optimizer: { name: 'adamw', lr: 0.001, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.05 },
    clipNorm: 5,
    ema: { decay: 0.99 },
    schedule: { kind: 'step', milestones: [], gamma: 0.1, floor: 0, by: 'epoch' },
    learningRate: [
      { step: 1, value: 1e-5 },
      { step: 11, value: 0.001 },
      { step: 1000, value: 0.001 },
    ],
    evaluate: { every: 1, metric: 'coco', options: { maxDetections: [1, 10, 300] } },
  },
  measured: {
    steps: [step, { ...step, seconds: 12, terms: { cls: 1, 'deep.feat': 0.5 }, total: 1.5 }],
    compiled: null,
    peakMemory: 900 * 2 ** 20,
    estimate: 12_000,
  },
};

describe('planLines', () => {
  const gain = { forward: 0.5, training: 0.6 };
  test.each([
    [
      { of: 'step', floats: 'bfloat16', gain },
      'convolutions and their gradients in bfloat16, which takes 0.60 of the time of float32 here',
    ],
    [
      { of: 'teachers', floats: 'bfloat16', gain },
      "the teachers' convolutions in bfloat16, which takes 0.50 of the time of float32 here",
    ],
    [
      { of: 'step', floats: 'float16', gain: null },
      'convolutions and their gradients in float16, with the loss scaled',
    ],
  ] as const)('tells what of a step has fewer bits, and what that saves: %j', (precision, told) => {
    const lines = planLines({ ...plan, training: { ...plan.training, precision } });
    expect(lines).toContain(`precision  ${told}`);
  });

  const sizes = [
    [64, 64],
    [64, 96],
    [96, 96],
  ] as const;
  test.each([
    [undefined, 1, 'compiled   in 2.5 s, first runs included'],
    [sizes, 1, 'compiled   in 2.5 s, first runs included, for 1 of 3 sizes of batches'],
    // A batch that fits into none.
    [sizes.slice(0, 1), 2, 'compiled   in 2.5 s, first runs included, for 2 of 2 sizes of batches'],
  ])('tells which sizes batches are padded to, and what compiling took: %j', (paddedSizes, traced, compiled) => {
    const lines = planLines({
      ...plan,
      training: { ...plan.training, ...(paddedSizes && { paddedSizes }) },
      measured: { ...plan.measured!, compiled: { seconds: 2.5, sizes: traced } },
    });
    expect(lines.filter((line) => /^(sizes|compiled) /.test(line))).toEqual([
      ...(paddedSizes === sizes ? ['sizes      padded to 64 x 64, 64 x 96, 96 x 96'] : []),
      compiled,
    ]);
  });

  test('is one page: what runs on what, the parts, the losses, the cost', () => {
    expect(planLines(plan)).toEqual([
      'engine     cpu 4.22.0 on cpu, 1 thread, at most 4096 MiB of tensors',
      'data       8 images with 20 objects to train (cells), none to evaluate',
      'classes    2: red, blue',
      'batch      2 images, 4 batches a step, [2, 64, 64, 3] here; augmented by flip, jitter',
      'steps      4 epochs of 250 = 1000, seed 7',
      'compiled   no: steps run op by op',
      'optimiser  adamw, lr 0.001, betas 0.9 and 0.99, eps 1e-8, weightDecay 0.05; trains 1.2 k parameters; gradients clipped to',
      '           norm 5; weights averaged with decay 0.99',
      'rate       1e-5 in step 1, 0.001 in steps 11 to 1000',
      'evaluated  never: there is no data.val',
      '',
      'student: toy, @kd/detector-toy 1.0.0',
      '  size     1.2 k parameters, 900 of them trained',
      "  weights  the detector's own initial ones",
      '  input    short side 640 or 800, long side at most 1333; padded to multiples of 32',
      '  levels   neck@p3 (stride 8), neck@p4 (stride 16), 16 channels each',
      '  offers   dense, head.staged',
      '',
      'teacher: toy, @kd/detector-toy 1.0.0',
      '  size     1.2 k parameters, frozen',
      '  weights  runs/teacher/checkpoints/best.safetensors',
      '  input    64 x 96; padded to multiples of 32',
      '  levels   neck@p3 (stride 8), neck@p4 (stride 16), 16 channels each',
      '  offers   dense, head.staged',
      '',
      'distiller deep (mimic): from the config itself, of the preset deep+wide',
      '  needs    dense of the student',
      '  adds     2 variables, 257 parameters, which join the optimiser and the checkpoint and are no part of the student',
      '  passes   over the training data every 500 steps, 3 times in all; here over the first 16 images, in 2.0 s',
      '  factor   0.25 in step 1, 1 in steps 500 to 1000',
      "  options  {taps: 'neck@*', layers: ['a', 'b']}",
      '',
      '  adds         shape',
      '  deep/kernel  [1, 1, 16, 16]  trained by adamw, lr 0.0001',
      '  deep/mean    []              fixed',
      '',
      '  stride      reads of the student                 reads of the teacher',
      '  8, paired   neck@p3               [2, 8, 8, 16]  neck@p3               [2, 8, 8, 16]',
      '  16, paired  neck@p4               [2, 4, 4, 16]  neck@p4               [2, 4, 4, 16]',
      '  16          head.cls@p4           [2, 4, 4, 16]',
      '',
      'loss       step 1  step 2  factor now',
      'cls         1.500   1.000',
      'deep.feat  0.2500  0.5000        0.25',
      'total       1.750   1.500',
      '',
      'time       step 1 0.50 s, 25 % of it waiting for data; step 2 12.0 s, 25 % of it waiting for data',
      'whole run  about 3 h 20 min: 1000 steps like step 2; passes of deep come on top',
      'memory     at most 900 MiB up to here; live tensors 300 (5.5 MiB) after step 1, 300 (5.5 MiB) after step 2',
    ]);
  });

  test('says which distillers gave no terms', () => {
    const steps = [{ ...step, terms: { cls: 1 } }];
    const val = plan.data.train;
    expect(planLines({ ...plan, data: { ...plan.data, val } })).toContain(
      'evaluated  after every epoch, by coco (maxDetections 1, 10, 300)',
    );
    expect(planLines({ ...plan, measured: { ...plan.measured!, steps } })).toContain('no terms of deep in these steps');
  });

  test('says after how many evaluations a run ends, and when at the earliest', () => {
    const stops = (stop: NonNullable<Plan['training']['stop']>): string =>
      planLines({ ...plan, training: { ...plan.training, stop } }).find((line) => line.startsWith('stops'))!;
    expect(stops({ metric: 'AP50', patience: 2, earliest: 3 })).toBe(
      'stops      once AP50 has not risen over 2 evaluations: after epoch 3 of 4 at the earliest',
    );
    expect(stops({ metric: 'AP', patience: 1, earliest: null })).toBe(
      'stops      once AP has not risen over 1 evaluation: never before its 4 epochs are trained',
    );
  });

  test('says what comes on top of the steps, if anything does', () => {
    const whole = (more: Partial<Plan>): string =>
      planLines({ ...plan, ...more }).find((line) => line.startsWith('whole run'))!;
    const data = { ...plan.data, val: { name: 'cells', images: 2, objects: 4 } };
    expect(whole({ data })).toMatch(/; evaluations and passes of deep come on top$/);
    expect(whole({ data, distillers: [{ ...mimic, pass: null }] })).toMatch(/; evaluations come on top$/);
    expect(whole({ distillers: [] })).toBe('whole run  about 3 h 20 min: 1000 steps like step 2');
  });

  test('keeps its lines short, whatever the options are', () => {
    const options = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`option${i}`, i]));
    const lines = planLines({ ...plan, distillers: [{ ...mimic, options }] });
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(125);
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain('option58: 58, option59: 59}');
  });
});

test('a teacher of another family: when it runs, or that nobody reads it, and no padding where there is none', () => {
  const input = { ...detector().input, fixedSize: [64, 96] as const, sizeDivisible: 1, layout: 'nchw' as const };
  const told = (more: Partial<PlannedDetector>) =>
    partLines({ ...plan, teacher: detector({ input, ahead: true, ...more }) })
      .filter((line) => /^  (input|runs) /.test(line))
      .slice(1);
  expect(told({})).toEqual([
    '  input    64 x 96, channels first',
    expect.stringMatching(/^ {2}runs {5}before each step, on images of its own/),
  ]);
  expect(told({ cache: { files: 2, bytes: 2 ** 21 } })).toContain(
    '  runs     once for a picture, on an image of its own; its maps are read at the cells of the student',
  );
  expect(told({ unread: true })).toEqual([
    '  input    64 x 96, channels first',
    '  runs     never: it is not read by any plugin',
  ]);
});

test('partLines tells the parts alone, with channels where no step gave a shape', () => {
  const bare = {
    ...mimic,
    taps: { student: [tap('neck@p3', 8, null)], teacher: [tap('neck@p3', 8, null)] },
    pairs: [mimic.pairs[0]!],
    variables: [],
    pass: null,
    requires: { student: [], teacher: [] },
    factor: [{ step: 1, value: 1 }],
  };
  expect(partLines({ ...plan, teacher: null, distillers: [bare], measured: null }).slice(7)).toEqual([
    'distiller deep (mimic): from the config itself, of the preset deep+wide',
    '  needs    no capability of the detectors',
    '  adds     no variables',
    '  factor   1 in every step',
    "  options  {taps: 'neck@*', layers: ['a', 'b']}",
    '',
    '  stride     reads of the student               reads of the teacher',
    '  8, paired  neck@p3               16 channels  neck@p3               16 channels',
  ]);
});
