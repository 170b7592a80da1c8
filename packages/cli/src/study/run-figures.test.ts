import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '@kd/core';
import { cocoMetric } from '@kd/metrics';
import { expect, test } from 'vitest';
import { runFigures } from './run-figures.js';
import type { StudyRun } from './study-runs.js';
import { studyTable } from './table.js';
import { variantCurves } from './variant-curves.js';

const images = [{ id: 1, file: 'a.png', width: 9, height: 9, annotations: [] }];
const dataset = { name: 'd', categories: [{ id: 1, name: 'cat' }], images } as unknown as Dataset;
const summary = JSON.stringify({
  ...{ steps: 3, epochs: 1, minutes: 1, seed: 0 },
  ...{ metrics: {}, student: {}, engine: {}, versions: {}, distillers: [] },
});
const detections = '{"step":3,"images":[{"id":1,"boxes":[0,0,4,4],"scores":[0.5],"labels":[0]}]}';
const whole = { 'config.json': '{"batchSize":4}', 'summary.json': summary, 'detections.json': detections };

async function figuresOf(files: Partial<typeof whole>) {
  const folder = await mkdtemp(join(tmpdir(), 'kd-study-'));
  const runs = ['alone', 'ssim'].map(
    (variant) =>
      ({ name: `${variant}-0`, variant, seed: 0, startsFrom: null, from: { folder } }) as unknown as StudyRun,
  );
  for (const { name } of runs) await mkdir(join(folder, name));
  const write = (run: string, of: Partial<typeof whole>) =>
    Promise.all(Object.entries(of).map(([name, text]) => writeFile(join(folder, run, name), text)));
  await write('alone-0', whole);
  await write('ssim-0', files);
  const outcomes = new Map(runs.map(({ name }) => [name, { state: 'done' } as const]));
  return runFigures(runs, outcomes, { folder, dataset, file: 'detections.json', metric: cocoMetric() });
}

test.each<[Partial<typeof whole>, RegExp]>([
  [{ 'detections.json': '{"step":' }, /detections\.json: .*JSON/],
  [{ 'detections.json': '{"a":1}' }, /detections\.json: it holds no detections/],
  [{ 'detections.json': '{"step":3,"images":[null]}' }, /detections\.json: an image in it has no id/],
  [{ 'detections.json': detections.replace('[0.5]', '[]') }, /detections\.json: an image in it .* not as many boxes/],
  [{ 'detections.json': detections.replace('"labels":[0]', '"labels":[7]') }, /has a label 7, and there are 1 classes/],
  [{ 'detections.json': '{"step":3,"images":[]}' }, /holds none of the 1 images/],
  [{ 'detections.json': detections.replace('3', '2') }, /of step 2, the run ended at 3/],
  [{ 'summary.json': 'null' }, /read: ssim-0\/summary\.json cannot be read: it holds no object/],
  [{ 'summary.json': '{"steps":3' }, /ssim-0\/summary\.json cannot be read: .*JSON/],
  [{ 'summary.json': '{"steps":3}' }, /ssim-0\/summary\.json cannot be read: it lacks epochs/],
  [{ 'config.json': 'null' }, /read: ssim-0\/config\.json cannot be read: it holds no object/],
  [{ 'config.json': 'x' }, /ssim-0\/config\.json cannot be read: .*JSON/],
])('a run whose files were damaged since says which, and what to do; the table stands: %j', async (damaged, why) => {
  const found = await figuresOf({ ...whole, ...damaged });
  const [alone, ssim] = found.figures;
  expect(alone).toMatchObject({ missing: null, done: { summary: { steps: 3 } } });
  expect(ssim).toMatchObject({ done: null, missing: expect.stringMatching(why) as string });
  expect(ssim!.missing).toMatch(/remove its folder and it is trained anew/);
  expect(found.images).toBe(1);
  const study = { seeds: [0], base: 'alone', variants: { alone: {}, ssim: {} } } as never;
  const of = { data: 'd', classes: ['cat'], metric: { name: 'coco', primary: 'AP' } };
  const { variants } = studyTable({ name: 's', study }, found, of);
  expect(variants.map(({ seeds, missing }) => [seeds.length, missing.length])).toEqual([
    [1, 0],
    [0, 1],
  ]);
  expect(variantCurves(found.figures).map(({ name }) => name)).toContain('alone');
});

test('a run that lost its files altogether says so', async () => {
  const { figures } = await figuresOf({});
  expect(figures[1]!.missing).toMatch(/ssim-0 is not the folder of a run: there is no config\.json/);
});
