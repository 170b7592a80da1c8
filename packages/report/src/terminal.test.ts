import { PassThrough } from 'node:stream';
import type { RunInfo, Summary, TrainerEvent } from '@kd/core';
import { describe, expect, test } from 'vitest';
import { averagePrecision, count, duration, number } from './figures.js';
import { columns, evaluationLines } from './evaluation-lines.js';
import { bar, startLines } from './progress-lines.js';
import { terminal } from './terminal.js';

const model = { detector: 'retinanet', parameters: 1_900_000, trainable: 12_300, weights: null };
const run: RunInfo = {
  folder: '/runs/a',
  engine: { name: 'tensorflow', backend: 'tensorflow', version: '2.19.1', library: null, device: 'cpu', threads: 2 },
  seed: 3,
  epochs: 2,
  stepsPerEpoch: 5,
  steps: 10,
  startStep: 0,
  evaluatesAgain: false,
  batchSize: 4,
  images: { train: 20, val: 5 },
  classes: ['a'],
  student: model,
  teacher: null,
  distillers: ['ssim'],
  warnings: ['one thing'],
};
const events: TrainerEvent[] = [
  { type: 'start', run },
  { type: 'pass', plugin: 'prototype', done: 10, of: 40 },
  { type: 'pass', plugin: 'prototype', done: 40, of: 40 },
  { type: 'step', step: 1, epoch: 0 },
  {
    type: 'log',
    step: 2,
    epoch: 0,
    lr: 0.01,
    terms: { cls: 1.25, 'ssim.feat': 0.5 },
    stats: {},
    total: 1.75,
    imagesPerSecond: 31.4,
    waited: 0.07,
    secondsLeft: 72,
    memory: 512,
    tensors: 9,
  },
  { type: 'step', step: 3, epoch: 0 },
  {
    type: 'evaluation',
    step: 5,
    epoch: 0,
    seconds: 2,
    best: true,
    detections: [],
    result: {
      metrics: { AP: 0.412, AP50: 0.6, AP75: -1 },
      perClass: [],
      images: 3,
      skipped: [
        { file: 'v.jpg', why: 'it is no image', times: 1 },
        { file: 'w.jpg', why: 'it is gone', times: 1 },
      ],
    },
  },
  {
    type: 'end',
    summary: {
      minutes: 2,
      minutesEvaluating: 0.1,
      skipped: [
        { file: 'a.jpg', why: 'it is truncated', times: 2 },
        { file: 'b.png', why: 'it is no image', times: 1 },
      ],
    } as unknown as Summary,
  },
];

async function shown(live: boolean, wanted = events, columns = 200): Promise<string> {
  const stream = Object.assign(new PassThrough(), { isTTY: live, columns, rows: 50 });
  const listener = terminal({ stream: stream as unknown as NodeJS.WriteStream, live });
  for (const event of wanted) await listener.on(event);
  return String(stream.read());
}

test('without a terminal: one plain line a log event, with every figure', async () => {
  const text = await shown(false);
  expect(text).toContain(
    'epoch 1/2  step 2/10  loss 1.750 (cls 1.250, ssim.feat 0.5000)  lr 0.0100  31.40 images/s  waited 7 %  512 MiB  1 min 12 s left\n',
  );
  expect(text).toContain(
    'epoch 1/2  evaluated in 2 s  AP 41.2  AP50 60.0  AP75 –  (3 of 5 images, 2 skipped)  (best so far)\n',
  );
  expect(text).toContain('student    retinanet, 1.9 M parameters (12.3 k trained)');
  expect(text).toContain('warning: one thing');
  expect(text).toContain(
    'done in 2 min 00 s (6 s of it evaluating)\nskipped 2 bad images, 3 times in all:\n  a.jpg, 2 times: it is truncated\n  b.png, 1 time: it is no image\n',
  );
  expect(text).not.toContain('\u001b');
});

test('what compiling took and the scale of the loss stand in the line of their steps', async () => {
  const [start, ...others] = events;
  const log = others.find(({ type }) => type === 'log') as TrainerEvent;
  const text = await shown(false, [start!, { ...log, compiled: 3.21, lossScale: 512 } as TrainerEvent]);
  expect(text).toContain('  512 MiB  loss scale 512  compiled in 3.2 s  1 min 12 s left\n');
});

test('an end before all epochs is told with its reason', async () => {
  const end = events.at(-1) as Extract<TrainerEvent, { type: 'end' }>;
  const early = { by: 'stop', why: 'AP has not risen over 2 evaluations' } as const;
  const text = await shown(false, [events[0]!, { ...end, summary: { ...end.summary, steps: 6, early } }]);
  expect(text).toContain('\nended after step 6 of 10: AP has not risen over 2 evaluations\ndone in 2 min');
  expect(await shown(false)).not.toContain('ended after');
});

test('a start tells what the student has of its teacher, part by part', () => {
  const inherited = [
    { part: 'neck', tensors: 16, of: 16 },
    { part: 'head', tensors: 10, of: 12 },
  ] as const;
  expect(startLines({ ...run, teacher: model, inherited })).toContain(
    'inherits   neck (16 of 16 tensors), head (10 of 12 tensors)',
  );
  expect(startLines(run).join()).not.toContain('inherits');
});

test('on a terminal: a bar that is drawn over', async () => {
  const text = await shown(true);
  expect(text).toContain('\u001b[');
  expect(text).toMatch(/epoch 1\/2 [█░]{30} step 1\/10/);
});

describe('on a terminal, the loss from the start on and the best figure', () => {
  const [start, , , , first, , evaluated] = events as [
    ...TrainerEvent[],
    Extract<TrainerEvent, { type: 'log' }>,
    TrainerEvent,
    Extract<TrainerEvent, { type: 'evaluation' }>,
  ];
  const logs = Array.from({ length: 60 }, (_, i) => ({ ...(first as object), total: 60 - i }) as TrainerEvent);
  const pass: TrainerEvent = { type: 'pass', plugin: 'p', done: 1, of: 4 };
  const last = async (given: readonly TrainerEvent[], columns = 200): Promise<string | undefined> =>
    // The pass lets the step be drawn at once.
    (await shown(true, [start!, ...given, pass, { type: 'step', step: 7, epoch: 1 }], columns))
      .split('\n')
      .findLast((line) => /[▁-█]{2}|best AP/.test(line) && !line.includes('epoch 2/2') && !line.includes('░'));
  const worse = {
    ...(evaluated as object),
    best: false,
    result: { metrics: { AP: 0.1 }, skipped: [] },
  } as unknown as TrainerEvent;

  test('with room', async () => {
    expect(await last([...logs.slice(0, 8), evaluated!, worse])).toBe('  loss █▇▆▅▄▃▂▁  best AP 41.2 (epoch 1)');
    expect(await last(logs.slice(0, 8))).toBe('  loss █▇▆▅▄▃▂▁');
    expect((await last(logs))!.length).toBe('  loss '.length + 48);
  });

  test('in a narrow one', async () => {
    expect((await last([...logs, evaluated!], 60))!.length).toBe(59);
    expect(await last([...logs, evaluated!], 30)).toBe('  best AP 41.2 (epoch 1)');
    expect(await last([...logs.slice(0, 1), evaluated!])).toBe('  best AP 41.2 (epoch 1)');
    expect(await last(logs.slice(0, 1))).toBeUndefined();
  });

  test('no other stream has it', async () => {
    expect(await shown(false, [start!, ...logs, evaluated!])).not.toMatch(/[▁-█]|best AP/);
  });
});

test.each([false, true])('names never move the cursor or begin a line (live: %s)', async (live) => {
  const nasty = (name: string): string => `${name}\u001b[2J\nerror [X] b`;
  const named = JSON.parse(JSON.stringify(events), (key, value: unknown) =>
    key === 'terms'
      ? { [nasty('term')]: 1 }
      : ['folder', 'detector', 'plugin', 'file', 'why'].includes(key)
        ? nasty(String(value))
        : key === 'warnings' || key === 'distillers'
          ? (value as string[]).map(nasty)
          : value,
  ) as TrainerEvent[];
  const text = await shown(live, named);
  for (const name of [
    '/runs/a',
    'retinanet',
    'prototype',
    'a.jpg',
    'it is truncated',
    'one thing',
    'ssim',
    ...(live ? [] : ['term']),
  ])
    expect(text).toContain(`${name}\\u001b[2J\\nerror [X] b`);
  expect(text).not.toMatch(/\u001b\[2J|^error/m);
});

test('a pass of a plugin: its own bar, and a line that stays when it is done', async () => {
  expect(await shown(true, events.slice(0, 2))).toMatch(/prototype █{8}░{22} 10\/40 images/);
  expect(await shown(false)).toContain('prototype: passed over 40 images\n');
  expect((await shown(false, events.slice(0, 2))).split('\n').at(-2)).not.toContain('prototype');
});

test('an evaluation names the images that it could not read: the first ten, and how many more', () => {
  const skipped = Array.from({ length: 12 }, (_, i) => ({ file: `${i}.png`, why: 'it is gone', times: 1 }));
  const lines = evaluationLines({ metrics: { AP: 0.5 }, perClass: [], images: 8, skipped });
  expect(lines).toEqual([
    'AP  50.0',
    '',
    'measured on 8 of 20 images; 12 could not be read, and their objects do not count:',
    ...skipped.slice(0, 10).map(({ file }) => `  ${file}: it is gone`),
    '  and 2 more',
  ]);
  expect(evaluationLines({ metrics: { AP: 0.5 }, perClass: [], images: 8, skipped: [] })).toEqual(['AP  50.0']);
});

test('figures', () => {
  expect([0, 0.00001234, 0.25, 3.14159, 12345].map(number)).toEqual(['0', '1.2e-5', '0.2500', '3.142', '12345']);
  expect([5, 65, 7260].map(duration)).toEqual(['5 s', '1 min 05 s', '2 h 01 min']);
  expect([12, 12_345, 3_100_000].map(count)).toEqual(['12', '12.3 k', '3.1 M']);
  expect([0.4123, -1, undefined].map(averagePrecision)).toEqual(['41.2', '–', '–']);
  expect(bar(0.5, 4)).toBe('██░░');
  expect(
    columns([
      ['a', 'AP'],
      ['long', '1.0'],
    ]),
  ).toEqual(['a      AP', 'long  1.0']);
});
