import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, type Rng } from '@kd/core';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { kd, root, temporaryFolder } from './kd.js';

const folder = temporaryFolder();
const json = async <T>(...path: string[]): Promise<T> => JSON.parse(await readFile(join(...path), 'utf8')) as T;
const CLASSES = ['aeroplane', 'cat', 'tvmonitor'];

/** A picture of 64x48 with coloured boxes, one of them difficult, and its annotations as VOC writes them. */
async function picture(year: string, stem: string, rng: Rng): Promise<void> {
  const objects = Array.from({ length: 2 }, (_, i) => {
    const [x, y] = [rng.int(i * 32, i * 32 + 4), rng.int(0, 10)];
    return {
      label: rng.int(0, 2),
      x,
      y,
      width: rng.int(20, 27),
      height: rng.int(20, 36),
      difficult: i === 1 && stem.endsWith('1'),
    };
  });
  const shapes = objects.map(
    ({ label, x, y, width, height }) =>
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${['red', 'lime', 'blue'][label]}"/>`,
  );
  await sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="#999"/>${shapes.join('')}</svg>`,
    ),
  )
    .jpeg()
    .toFile(join(folder, year, 'JPEGImages', `${stem}.jpg`));
  const boxes = objects.map(
    ({ label, x, y, width, height, difficult }) =>
      `<object><name>${CLASSES[label]}</name><difficult>${difficult ? 1 : 0}</difficult><bndbox><xmin>${x + 1}</xmin><ymin>${y + 1}</ymin><xmax>${x + width}</xmax><ymax>${y + height}</ymax></bndbox></object>`,
  );
  await writeFile(
    join(folder, year, 'Annotations', `${stem}.xml`),
    `<annotation><filename>${stem}.jpg</filename><size><width>64</width><height>48</height><depth>3</depth></size>${boxes.join('')}</annotation>`,
  );
}

async function year(name: string, splits: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const part of ['JPEGImages', 'Annotations', 'ImageSets/Main'])
    await mkdir(join(folder, name, part), { recursive: true });
  for (const [split, stems] of Object.entries(splits)) {
    await writeFile(join(folder, name, 'ImageSets/Main', `${split}.txt`), stems.map((stem) => `${stem}\n`).join(''));
    for (const stem of stems) await picture(name, stem, createRng(1, name, stem));
  }
}

/** What makes the detectors of the recipe small; the rest of their options is as the configs have it. */
const small = {
  backbone: { block: 'basic', layers: [1, 1, 1, 1], width: 8 },
  fpnChannels: 16,
  input: { fixedSize: [64, 96] },
};
const changes = {
  retinanet: { ...small, extra: 'none', head: { depth: 1, channels: 16 }, 'anchors.sizes': [[12], [24], [48]] },
  'faster-rcnn': {
    ...small,
    'rpn.preNmsTopN': 64,
    'rpn.batchSize': 32,
    'roi.batchSize': 16,
    'box.representationSize': 32,
  },
};

beforeAll(async () => {
  await year('VOC2007', { trainval: ['000001', '000002'], test: ['000003', '000011'] });
  // The stem of one image is that of an image of 2007.
  await year('VOC2012', { trainval: ['2008_000008', '000001'] });
});

describe.each(['retinanet', 'faster-rcnn'] as const)('examples/voc/%s.config.ts', (detector) => {
  const runs = join(temporaryFolder(), detector);
  const train = (role: string, env: Record<string, string> = {}, more: readonly string[] = []) =>
    kd(
      [
        'train',
        join(root, `examples/voc/${detector}.config.ts`),
        '--out',
        join(runs, role),
        '--epochs',
        '1',
        ...Object.entries(changes[detector]).flatMap(([key, value]) => [
          '--set',
          `student.1.${key}=${JSON.stringify(value)}`,
        ]),
        '--set',
        'accumulate=1',
        '--set',
        'data.workers=0',
        '--set',
        'log.every=1',
        // Two steps, of what other tests compile.
        '--set',
        'compile=false',
        ...more,
      ],
      { env: { KD_DATA: folder, KD_ROLE: role, ...env } },
    );

  test('trains teacher and student on both years, two steps, and evaluates by the rules of VOC', async () => {
    for (const role of ['teacher', 'student']) {
      const { code, stderr } = await train(role);
      expect(stderr).toContain('data       4 images to train, 2 to evaluate');
      expect(code, stderr).toBe(0);
    }
    expect(await json(runs, 'teacher', 'config.json')).toMatchObject({
      data: { train: { format: 'voc', sets: [{ split: 'trainval' }, { split: 'trainval' }], classes: 'voc' } },
      evaluate: { metric: ['voc', { iou: 0.5, use07: false }], every: 0 },
      student: [
        detector,
        detector === 'retinanet'
          ? { flavour: 'mmdet', norm: 'frozen', trainableLayers: 3 }
          : {
              norm: 'frozen',
              trainableLayers: 3,
              rpn: { postNmsTopN: 1000 },
              roi: { aligned: true, samplingRatio: 0 },
            },
      ],
      schedule: { kind: 'step', milestones: [16, 22], warmup: { steps: 500, factor: 0.001 } },
      optimizer: { name: 'sgd', lr: detector === 'retinanet' ? 0.01 : 0.02 },
    });
    const summary = await json<{ steps: number; metrics: Record<string, number>; perClass: Record<string, unknown> }>(
      runs,
      'teacher',
      'summary.json',
    );
    expect(summary.steps).toBe(2);
    expect(Object.keys(summary.metrics)).toEqual(['AP', 'AP50', 'AP75', 'AP50to95', 'AP11point', 'APallPoint']);
    expect(Object.keys(summary.perClass)).toHaveLength(20);
    for (const value of Object.values(summary.metrics)) expect(value).toBeGreaterThanOrEqual(0);
  });

  test('evaluates the run again with the 11 points of 2007', async () => {
    const { code, stdout } = await kd(['eval', join(runs, 'teacher'), '--metric', 'voc07', '--workers', '0', '--json']);
    expect(code, stdout).toBe(0);
    const { metrics } = JSON.parse(stdout) as { metrics: Record<string, number> };
    expect(metrics['AP']).toBe(metrics['AP11point']);
  });

  test('distils with prototypes, and shows them', async () => {
    const { code, stderr } = await train(
      'distilled',
      { KD_TEACHER: join(runs, 'teacher'), KD_INIT: join(runs, 'student') },
      ['--set', 'distillers.0=["prototype",{"minSide":10}]'],
    );
    expect(stderr).toMatch(/prototype: passed over \d+ images/);
    expect(code, stderr).toBe(0);
    const first = JSON.parse((await readFile(join(runs, 'distilled', 'metrics.jsonl'), 'utf8')).split('\n')[0]!) as {
      terms: Record<string, number>;
    };
    expect(Object.keys(first.terms)).toEqual(
      expect.arrayContaining(['prototype.global', 'prototype.feature', 'prototype.response']),
    );
    const shown = await kd(['prototypes', join(runs, 'distilled')]);
    expect(shown.stderr).toBe('');
    expect(shown.stdout).toMatch(/^\d+ prototypes of 20 classes/);
    expect(await readFile(join(runs, 'distilled', 'prototypes.html'), 'utf8')).toContain('image VOC20');
  });
});

test('a folder that is not there is told with what to do', async () => {
  const { code, stderr } = await kd(
    ['train', join(root, 'examples/voc/retinanet.config.ts'), '--out', join(folder, 'no')],
    { env: { KD_DATA: '/nowhere', KD_ROLE: 'teacher' } },
  );
  expect(stderr).toMatch(/Pascal VOC was not found: there is no \/nowhere\/VOC2007\. Set KD_DATA/);
  expect(code).toBe(1);
});
