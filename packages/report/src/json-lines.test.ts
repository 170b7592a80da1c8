import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunInfo, TrainerEvent } from '@kd/core';
import { expect, test } from 'vitest';
import { jsonLines } from './json-lines.js';

const log = (step: number): TrainerEvent => ({
  type: 'log',
  step,
  epoch: 0,
  lr: 0.1,
  terms: { cls: 1 },
  stats: {},
  total: 1,
  imagesPerSecond: 9,
  waited: 0,
  secondsLeft: 1,
  memory: 1,
  tensors: 1,
});
const start = (folder: string, startStep: number, evaluatesAgain = false): TrainerEvent => ({
  type: 'start',
  run: { folder, startStep, evaluatesAgain } as RunInfo,
});
const evaluation = (step: number): TrainerEvent => ({
  type: 'evaluation',
  step,
  epoch: 0,
  seconds: 1,
  best: true,
  detections: [],
  result: {
    metrics: { AP: 0.5 },
    perClass: [{ category: { id: 7, name: 'cat' }, metrics: { AP: 0.25 } }],
    images: 4,
    skipped: [{ file: 'a.png', why: 'it is gone', times: 1 }],
  },
});
const steps = async (folder: string): Promise<number[]> =>
  (await readFile(join(folder, 'metrics.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { step: number }).step);

test('a resumed run drops the lines after its checkpoint, and one that a crash cut off', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-report-'));
  const first = jsonLines();
  for (const event of [start(folder, 0), log(2), log(4), log(6)]) await first.on(event);
  await writeFile(join(folder, 'metrics.jsonl'), '{"type":"log","st', { flag: 'a' });
  const second = jsonLines();
  for (const event of [start(folder, 4), log(6), log(8)]) await second.on(event);
  expect(await steps(folder)).toEqual([2, 4, 6, 8]);
  expect(await readdir(folder)).toEqual(['metrics.jsonl']);
});

test('an evaluation that a resumed run does again is in the file once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-report-'));
  const first = jsonLines();
  for (const event of [start(folder, 0), evaluation(2), log(4), evaluation(4)]) await first.on(event);
  const again = jsonLines();
  await again.on(start(folder, 4, true));
  expect(await steps(folder)).toEqual([2, 4]);
  await again.on(evaluation(4));
  // Recorded by now: it stays.
  await jsonLines().on(start(folder, 4));
  expect(await steps(folder)).toEqual([2, 4, 4]);
});

test('an evaluation is a line with its metrics by name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-report-'));
  const listener = jsonLines();
  await listener.on(start(folder, 0));
  await listener.on(evaluation(3));
  expect(JSON.parse(await readFile(join(folder, 'metrics.jsonl'), 'utf8'))).toEqual({
    type: 'evaluation',
    step: 3,
    epoch: 0,
    seconds: 1,
    best: true,
    images: 4,
    skipped: 1,
    metrics: { AP: 0.5 },
    perClass: { cat: { AP: 0.25 } },
  });
});
