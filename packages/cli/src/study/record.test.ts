import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Dataset, parseStudy } from '@kd/core';
import { expect, test } from 'vitest';
import { keepRecord, type StudyRecord, studyRecord } from './record.js';
import type { RunThere } from './runs-there.js';
import { type StudyRun, studyRuns } from './study-runs.js';

const record = (changed: Partial<StudyRecord> = {}): StudyRecord => ({
  versions: { '@kd/core': '0.1.0', '@kd/plugin-ssim': '0.1.0' },
  data: { train: { images: 205, fingerprint: 'a' }, val: { images: 87, fingerprint: 'b' } },
  runs: { 'alone-0': { epochs: 12 }, 'ssim-0': { epochs: 12, distillers: [['ssim', { weight: 4 }]] } },
  ...changed,
});
const began = (...names: string[]): RunThere[] => names.map((name) => ({ name, known: true, changed: [] }));
const folderWith = async (was: StudyRecord): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'kd-study-'));
  await keepRecord(folder, was, began());
  return folder;
};
const stored = async (folder: string): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, 'study.json'), 'utf8'));

test('the same study goes on; variants may come and go, and what is not begun may change', async () => {
  const folder = await folderWith(record());
  await keepRecord(folder, record(), began('alone-0', 'ssim-0'));
  const ssim8 = { epochs: 12, distillers: [['ssim', { weight: 8 }]] };
  await keepRecord(folder, record({ runs: { 'alone-0': { epochs: 12 }, 'ssim-0': ssim8 } }), began('alone-0'));
  expect(await stored(folder)).toMatchObject({ runs: { 'ssim-0': ssim8 } });
  await keepRecord(folder, record({ runs: { 'alone-0': { epochs: 12 }, 'pkd-0': {} } }), began('alone-0'));
  // It is there still, and known when it comes back.
  expect(await stored(folder)).toMatchObject({ runs: { 'ssim-0': ssim8, 'pkd-0': {} } });
});

test.each<[string, Partial<StudyRecord>, RegExp]>([
  [
    'another version',
    { versions: { '@kd/core': '0.2.0', '@kd/plugin-ssim': '0.1.0' } },
    /versions\.@kd\/core was "0\.1\.0", now "0\.2\.0"/,
  ],
  [
    'other annotations',
    { data: { train: { images: 205, fingerprint: 'a' }, val: { images: 87, fingerprint: 'c' } } },
    /data\.val\.fingerprint was "b", now "c"/,
  ],
  [
    'another config of a run that is there',
    { runs: { 'alone-0': { epochs: 24 } } },
    /runs\.alone-0\.epochs was 12, now 24/,
  ],
])('%s is refused by name, and nothing is written', async (_, changed, message) => {
  const folder = await folderWith(record());
  await expect(keepRecord(folder, record(changed), began('alone-0'))).rejects.toThrow(message);
  expect(await stored(folder)).toEqual(record());
});

test('runs are asked themselves: what they were trained with counts, also where no record speaks of them', async () => {
  const folder = await folderWith(record({ runs: {} }));
  const other: RunThere = {
    name: 'alone-0',
    known: true,
    changed: [{ key: 'runs.alone-0.seed', was: 1, is: undefined }],
  };
  await expect(keepRecord(folder, record(), [other])).rejects.toThrow(/ {2}runs\.alone-0\.seed was 1, now none/);
  const silent: RunThere = { name: 'alone-0', known: false, changed: [] };
  await expect(keepRecord(folder, record(), [silent])).rejects.toThrow(
    /alone-0: nothing says what it was trained with/,
  );
  expect(await stored(folder)).toEqual(record({ runs: {} }));
  await keepRecord(folder, record(), []);
  // What is recorded needs no checkpoint.
  await keepRecord(folder, record(), [silent]);
});

test.each([
  '{"versions":',
  'null',
  '[]',
  '{"a":1}',
  '{"versions":{},"data":null,"runs":{}}',
  ...[null, [], 'x', {}, { minutes: 2, seeds: 3, epochs: 1 }, { minutes: 2, seeds: [], epochs: 1 }].map((budget) =>
    JSON.stringify({ versions: {}, data: {}, runs: {}, budget }),
  ),
  JSON.stringify({ versions: {}, data: {}, runs: {}, budget: { minutes: 2, seeds: [0], epochs: '4' } }),
])('a record that is damaged, or another file of its name, is refused: %s', async (text) => {
  const folder = await folderWith(record());
  await writeFile(join(folder, 'study.json'), text);
  await expect(keepRecord(folder, record(), began())).rejects.toThrow(
    /study\.json, which says what the runs beside it are, cannot be read: .+\. Remove it, .+, or name another folder/,
  );
});

test('what is recorded: packages that the configs name, data by their annotations, configs without paths of data', async () => {
  const dataset = { name: 'd', categories: [{ id: 1, name: 'cat' }], images: [] } as unknown as Dataset;
  const config = {
    student: ['retinanet', { backbone: 'resnet18' }],
    distillers: [['ssim', { select: function mine() {} }]],
    data: { train: { format: 'voc', root: '/somewhere' }, workers: 3, onBadImage: 'skip' },
  };
  const from = { folder: join(import.meta.dirname, '../../../..') };
  const { versions, data, runs } = await studyRecord([{ name: 'ssim-0', config, from } as unknown as StudyRun], {
    train: dataset,
    val: { ...dataset, images: [{ id: 1, file: 'a.png', width: 1, height: 1, annotations: [] }] } as Dataset,
  });
  expect(Object.keys(versions)).toEqual(
    expect.arrayContaining(['@kd/core', '@kd/plugin-ssim', '@kd/detector-retinanet']),
  );
  expect(Object.keys(versions)).not.toContain('@kd/plugin-pkd');
  expect(data.train).toMatchObject({ images: 0 });
  expect(data.val.fingerprint).not.toBe(data.train.fingerprint);
  expect(runs['ssim-0']).toEqual({
    student: config.student,
    distillers: [['ssim', { select: 'function mine' }]],
    data: { onBadImage: 'skip' },
  });
});

test('whether runs write a page is no part of what they are: with `report: false` a study goes on', async () => {
  const data = { train: { format: 'voc', root: '/a' }, val: { format: 'voc', root: '/b' } };
  const none = { name: 'd', categories: [], images: [] } as unknown as Dataset;
  const recordOf = (report: { readonly report?: boolean }): Promise<StudyRecord> => {
    const [run] = studyRuns(
      {
        file: 'a.study.ts',
        name: 'a',
        study: parseStudy({ student: 'a.config.ts', variants: { alone: {} }, seeds: [0] }, 'a.study.ts'),
        student: {
          config: { student: 'retinanet', data, epochs: 1, ...report },
          file: 'a.config.ts',
          folder: import.meta.dirname,
        },
        teachers: new Map(),
      },
      'out',
    );
    expect(run!.config.report).toBe(report.report);
    return studyRecord([run!], { train: none, val: none });
  };
  const folder = await folderWith(await recordOf({}));
  await keepRecord(folder, await recordOf({ report: false }), began('alone-0'));
  expect(await stored(folder)).toEqual(await recordOf({ report: false }));
});
