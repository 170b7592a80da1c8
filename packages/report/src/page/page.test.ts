import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FeatureMaps, Findings, Picture, SideBySide } from './findings.js';
import { reportPage, type ReportParts } from './page.js';
import { type EvaluationLine, type LogLine, readRun, type RunRecord } from './run-record.js';

const log = (step: number, over: Partial<LogLine> = {}): LogLine => ({
  step,
  epoch: 0,
  lr: 0.01,
  total: 2 / step,
  terms: { classification: 1 / step, 'ssim.loss': 1 / step },
  stats: {},
  imagesPerSecond: 8,
  waited: 0.25,
  memory: 300,
  ...over,
});

const evaluation = (step: number, AP: number, over: Partial<EvaluationLine> = {}): EvaluationLine => ({
  step,
  epoch: 0,
  images: 12,
  skipped: 0,
  best: true,
  metrics: { AP, AP50: 0.5, APs: -1, AR1: 0.75 },
  perClass: { cat: { AP, AP50: 0.5, APs: -1, AR1: 0.75 } },
  ...over,
});

const run = (over: Partial<RunRecord> = {}): RunRecord => ({
  name: 'one',
  folder: '/runs/one',
  config: { data: { val: {} }, note: 'a\nb' },
  summary: null,
  logs: [log(1), log(2)],
  evaluations: [evaluation(2, 0.123)],
  damaged: 0,
  plan: { value: ['student: a <b>', '  levels  p3'] },
  ...over,
});

const why = 'there is no data';
const parts = (...runs: readonly RunRecord[]): ReportParts => ({
  title: 'Runs',
  runs,
  findings: runs.map(() => ({ why })),
  sideBySide: { why },
  notes: [],
  featureMaps: [{ why }],
});
const page = (...runs: readonly RunRecord[]): string => reportPage(parts(...runs));

const picture: Picture = { uri: 'data:image/jpeg;base64,AAAA', view: [10, 20, 100, 50] };
const box = { box: [10, 20, 30, 45.25], kind: 'missed', text: 'cat' } as const;
const cut = { score: 0.25, precision: 0.5, recall: 0.125 };
const findings: Findings = {
  step: 2,
  classes: [
    { name: 'cat', objects: 2, precision: Float64Array.from({ length: 101 }, (_, i) => (i > 50 ? 0 : 1)) },
    { name: 'owl', objects: 0, precision: null },
  ],
  cut,
  falseOnes: 0,
  missedOnes: 7,
  crops: { falseOnes: [], missed: [{ picture, boxes: [box], caption: 'cat, 20 × 25 pixels' }] },
  notes: [],
};
const sideBySide: SideBySide = {
  models: [
    { name: 'teacher', isTeacher: true, cut },
    { name: 'one', isTeacher: false, cut },
  ],
  images: [{ name: 'a.jpg', picture, boxes: [[{ ...box, kind: 'hit' }], [box]] }],
};
const featureMaps: FeatureMaps = {
  run: 'one',
  teacher: 'teacher',
  images: [
    {
      name: 'a.jpg',
      picture,
      levels: [
        {
          tap: 'neck@p3',
          stride: 8,
          teacher: 'data:image/png;base64,AAAB',
          student: 'data:image/png;base64,AAAC',
          difference: 'data:image/png;base64,AAAD',
          correlation: -0.126,
        },
      ],
    },
  ],
};
const whole = (...runs: readonly RunRecord[]): string =>
  reportPage({
    ...parts(...runs),
    findings: runs.map(() => ({ value: findings })),
    sideBySide: { value: sideBySide },
    featureMaps: [{ value: featureMaps }],
  });

/** Coordinates of the lines of the chart with this caption; a gap begins a new `M`. */
const drawnLine = (text: string, caption: string): string | undefined =>
  text
    .split('<figure')
    .find((part) => part.includes(`<figcaption>${caption}<`))
    ?.match(/d="([^"]*)" fill="none" stroke="var\(--c0\)"/)?.[1];

test('figures of the newest evaluation, in percent, and a dash where there is no object of a size', () => {
  const text = page(run({ evaluations: [evaluation(1, 0.9), evaluation(2, 0.123)] }));
  expect(text).toContain('<th scope="row">cat</th><td>12.3</td><td>50.0</td><td>–</td></tr>');
  expect(text).not.toContain('90.0</td>');
  for (const caption of ['AP', 'loss, all terms', 'classification', 'ssim.loss', 'learning rate'])
    expect(drawnLine(text, caption), caption).toMatch(/^M[\d.]+ [\d.]+L/);
});

test('what comes from runs is no markup', () => {
  const evil = '<script>alert(1)</script>&"\'';
  const text = page(
    run({
      name: evil,
      folder: evil,
      config: { [evil]: evil },
      logs: [log(1, { terms: { [evil]: 1 } })],
      evaluations: [evaluation(1, 0.5, { perClass: { [evil]: { AP: 0.5 } }, metrics: { [evil]: 0.5 } })],
    }),
    run(),
  );
  expect(text).not.toContain('<script');
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&apos;');
});

test('nothing is fetched, and nothing needs a script', () => {
  const text = whole(run(), run({ name: 'two' }));
  expect(text).not.toMatch(/<(?:script|link|iframe)|@import|url\((?!#)|javascript:| on\w+=/);
  expect(text.match(/(?:src|href)="(?!data:image|#)[^"]*"/g)).toBeNull();
  expect(text.match(/https?:\/\/[^"]*/g)?.filter((one) => one !== 'http://www.w3.org/2000/svg')).toEqual([]);
});

test('a loss that is no number is a gap, and one evaluation a point', () => {
  const text = page(
    run({ logs: [1, 2, 3, 4, 5].map((step) => log(step, { total: step === 3 ? (null as unknown as number) : step })) }),
  );
  expect(drawnLine(text, 'loss, all terms')!.match(/M/g)!.length).toBe(2);
  expect(text.split('<figcaption>AP<')[1]!.split('</figure>')[0]).toMatch(/fill="var\(--c0\)"/);
});

/** Labels of the axis of values, from the top, of the chart with this caption. */
const valueLabels = (text: string, caption: string): { readonly text: string; readonly end: number }[] =>
  [
    ...text
      .split('<figure')
      .find((part) => part.includes(`<figcaption>${caption}<`))!
      .matchAll(/text-anchor="end"[^>]*translate\(([\d.]+) ([\d.]+)\)"[^>]*>([^<]*)</g),
  ]
    .map(([, end, y, label]) => ({ text: label!, end: Number(end), y: Number(y) }))
    .sort((a, b) => a.y - b.y);

test('an axis ends at 100 percent, also of figures that are all one; a loss that is 0 throughout ends at 1', () => {
  const flat = (AP: number) => page(run({ evaluations: [evaluation(1, AP), evaluation(2, AP)] }));
  for (const AP of [0, 0.937, 1]) expect(valueLabels(flat(AP), 'AP')[0]!.text).toBe('100');
  const terms = { 'ssim.loss': 0 };
  expect(valueLabels(page(run({ logs: [log(1, { terms }), log(2, { terms })] })), 'ssim.loss')[0]!.text).toBe('1');
});

test('labels of a learning rate have room: a browser needs up to seven units of the drawing for a letter', () => {
  const rates = [0.003, 0.0026, 0.0015, 0.0004].map((lr, i) => log(i + 1, { lr }));
  const labels = valueLabels(page(run({ logs: rates })), 'learning rate');
  expect(labels.map(({ text }) => text)).toContain('0.0015');
  for (const { text, end } of labels) expect(end, text).toBeGreaterThan(7 * text.length);
});

test('the plan that a run kept is on the page as text; one without says so', () => {
  expect(page(run())).toContain('<pre>student: a &lt;b&gt;\n  levels  p3\n</pre>');
  expect(page(run({ plan: { why: 'It kept no plan.' } }))).toContain('It kept no plan.');
});

test('a run that failed and was never evaluated says so', () => {
  const text = page(run({ logs: [], evaluations: [], damaged: 1 }));
  for (const words of ['not come to its end; it logged no step', 'never evaluated', 'Nothing was logged', '1 line of'])
    expect(text).toContain(words);
  expect(page(run({ evaluations: [], config: { data: {} } }))).toContain('names no validation data');
});

test('several runs have their colours, and the highest figure of each column is marked', () => {
  const text = page(run(), run({ name: 'two', evaluations: [evaluation(2, 0.2)] }));
  expect(text).toMatch(/background:var\(--c1\)"><\/i>two/);
  expect(text).toContain('<td>12.3</td>');
  expect(text).toContain('<td><b>20.0</b></td>');
});

test('a run folder is read with what a crash left of it; another folder is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-report-'));
  await expect(readRun(folder)).rejects.toThrow('not the folder of a run');
  await writeFile(join(folder, 'config.json'), '{"epochs":1}');
  expect(await readRun(folder, 'r')).toMatchObject({ name: 'r', summary: null, logs: [], evaluations: [] });
  expect((await readRun(folder)).plan.why).toMatch(/there is no plan\.json/);
  for (const [text, why] of [
    ['{"student"', 'plan.json cannot be read'],
    ['null', 'holds no object'],
    ['{"engine":{}}', 'cannot be shown'],
  ] as const) {
    await writeFile(join(folder, 'plan.json'), text);
    expect((await readRun(folder)).plan.why).toContain(why);
  }
  const lines = [{ type: 'log', ...log(1) }, { type: 'evaluation', ...evaluation(1, 0.5) }, { type: 'new kind' }];
  await writeFile(
    join(folder, 'metrics.jsonl'),
    `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"type":"log","step":2}\n{"type":"lo`,
  );
  const read = await readRun(folder);
  expect([read.logs.length, read.evaluations.length, read.damaged]).toEqual([1, 1, 2]);
  await writeFile(join(folder, 'summary.json'), '{"metrics":');
  await expect(readRun(folder)).rejects.toThrow('summary.json cannot be read');
  await writeFile(join(folder, 'summary.json'), '{"metrics":{},"steps":3}');
  await expect(readRun(folder)).rejects.toThrow(
    /summary\.json cannot be read: it lacks epochs, minutes, seed, student/,
  );
});

test('what was found on the images: curves of classes with objects, errors, models side by side, features', () => {
  const text = whole(run());
  // Precision 1 up to recall 0.5, then 0.
  expect(drawnLine(text, 'cat')).toBeDefined();
  expect(drawnLine(text, 'owl')).toBeUndefined();
  expect(text).toContain('highest from score 0.25 on, with precision 50.0 % and recall 12.5 %');
  expect(text).toContain('<h3>0 false</h3><h3>7 missed</h3>');
  expect(text).toMatch(/<g class="missed"><title>missed: cat<\/title><rect x="10" y="20" width="20" height="25.3"\/>/);
  // The picture of an image is in the page once for all models.
  expect(text.split('id="image-0"').length).toBe(2);
  expect(text.split('<use href="#image-0"').length).toBe(3);
  expect(text).toContain('<b>teacher</b> 1 found, 0 false, 0 missed');
  expect(text).toContain('<b>one</b> 0 found, 0 false, 1 missed');
  expect(text).toContain('difference, correlation -0.13');
});

test('several teachers have their maps each, by the names of their own taps; one that cannot be opened says why', () => {
  const foreign = { ...featureMaps.images[0]!.levels[0]!, teacherTap: 'layer3' };
  const text = reportPage({
    ...parts(run()),
    featureMaps: [
      { value: { ...featureMaps, teacher: 'teacher big' } },
      {
        value: { ...featureMaps, teacher: 'teacher dino', images: [{ ...featureMaps.images[0]!, levels: [foreign] }] },
      },
      { why: 'The teacher far cannot be opened.' },
    ],
  });
  for (const words of [
    'and teacher big</h3>',
    'and teacher dino</h3>',
    'teacher layer3<',
    'student neck@p3, stride 8<',
  ])
    expect(text).toContain(words);
  expect(text).toContain('<p class="note">The teacher far cannot be opened.</p>');
});

test('what cannot be shown says why', () => {
  expect(page(run()).split(`<p class="note">${why}</p>`).length - 1).toBe(4);
});

test('weights of instances have their section where a plugin tells them', () => {
  expect(page(run())).not.toContain('Weights of instances');
  const stats = { 'prototype.weight.mean.0': 0.75, 'prototype.weight.low.1': 0.5, 'prototype.weight.min.0': 0.25 };
  const text = page(run({ logs: [log(1, { stats }), log(2, { stats })] }));
  expect(text).toContain('Weights of instances');
  expect(drawnLine(text, 'prototype: mean')).toBeDefined();
  expect(drawnLine(text, 'prototype: share below 0.5')).toBeUndefined();
});
