import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reportPage } from './page.js';
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
  ...over,
});

const page = (...runs: readonly RunRecord[]): string => reportPage({ title: 'Runs', runs });

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
  const text = page(run(), run({ name: 'two' }));
  expect(text).not.toMatch(/<(?:script|link|iframe|img)|@import|url\(|javascript:| on\w+=/);
  expect(text.match(/https?:\/\/[^"]*/g)?.filter((one) => one !== 'http://www.w3.org/2000/svg')).toEqual([]);
});

test('a loss that is no number is a gap, and one evaluation a point', () => {
  const text = page(
    run({ logs: [1, 2, 3, 4, 5].map((step) => log(step, { total: step === 3 ? (null as unknown as number) : step })) }),
  );
  expect(drawnLine(text, 'loss, all terms')!.match(/M/g)!.length).toBe(2);
  expect(text.split('<figcaption>AP<')[1]!.split('</figure>')[0]).toMatch(/fill="var\(--c0\)"/);
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
  const lines = [{ type: 'log', ...log(1) }, { type: 'evaluation', ...evaluation(1, 0.5) }, { type: 'new kind' }];
  await writeFile(
    join(folder, 'metrics.jsonl'),
    `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"type":"log","step":2}\n{"type":"lo`,
  );
  const read = await readRun(folder);
  expect([read.logs.length, read.evaluations.length, read.damaged]).toEqual([1, 1, 2]);
  await writeFile(join(folder, 'summary.json'), '{"metrics":');
  await expect(readRun(folder)).rejects.toThrow('summary.json cannot be read');
});
