import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '@kd/core';
import { cocoMetric } from '@kd/metrics';
import { expect, test } from 'vitest';
import { runFigures } from './run-figures.js';
import type { StudyRun } from './study-runs.js';

const dataset = { name: 'd', categories: [{ id: 1, name: 'cat' }], images: [] } as unknown as Dataset;

test.each([
  ['{"step":', /detections\.json: .*JSON/],
  ['{"a":1}', /detections\.json: it holds no detections/],
  ['{"step":2,"images":[]}', /of step 2, the run ended at 3/],
])('a run whose files were damaged since says which, and what to do: %s', async (detections, why) => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-study-'));
  await mkdir(join(folder, 'alone-0'));
  await writeFile(join(folder, 'alone-0', 'summary.json'), '{"steps":3}');
  await writeFile(join(folder, 'alone-0', 'detections.json'), detections);
  const run = { name: 'alone-0', variant: 'alone', seed: 0, startsFrom: null } as unknown as StudyRun;
  const { figures } = await runFigures([run], new Map([['alone-0', { state: 'done' }]]), {
    folder,
    dataset,
    file: 'detections.json',
    metric: cocoMetric(),
  });
  expect(figures[0]).toMatchObject({ done: null, missing: expect.stringMatching(why) as string });
  expect(figures[0]!.missing).toMatch(/remove its folder and it is trained anew/);
});
