import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthetic } from '@kd/data';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { config, kd, type Result, temporaryFolder } from './kd.js';

interface Evaluated {
  readonly images: number;
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
  readonly metrics: Readonly<Record<string, number>>;
}
const folder = temporaryFolder();
const run = join(folder, 'run');
const json = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
const shown = ({ stdout }: Result): Evaluated => JSON.parse(stdout) as Evaluated;
const coco = (annotations: string): string[] => ['--coco', join(folder, annotations), '--images', folder];

/** 16 drawn pictures, of which every other is gone from the folder; all of them stand in all.json. */
async function writePictures(): Promise<void> {
  const set = await synthetic({
    classes: ['striped-disk', 'speckled-ring'],
    size: 64,
    sizes: [20, 44],
    objects: [1, 2],
    images: 16,
    seed: 3,
  }).open({ folder });
  const [images, annotations]: [object[], object[]] = [[], []];
  for (const [id, record] of set.images.entries()) {
    const { data, width, height } = await set.readImage(record);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(folder, `${id}.png`));
    images.push({ id, file_name: `${id}.png`, width, height });
    for (const { box, label } of record.annotations) {
      const [x, y, w, h] = [box[0], box[1], box[2] - box[0], box[3] - box[1]];
      const shape = { bbox: [x, y, w, h], area: w * h, iscrowd: 0 };
      annotations.push({ id: annotations.length + 1, image_id: id, category_id: label + 1, ...shape });
    }
  }
  const categories = set.categories.map(({ name }, i) => ({ id: i + 1, name }));
  const is = (id: unknown): boolean => Number(id) % 2 === 0;
  const there = <T extends object>(list: T[], key: keyof T): T[] => list.filter((one) => is(one[key]));
  const [all, present] = [
    { images, annotations, categories },
    {
      images: there(images, 'id' as never),
      annotations: there(annotations, 'image_id' as never),
      categories,
    },
  ];
  writeFileSync(join(folder, 'all.json'), JSON.stringify(all));
  writeFileSync(join(folder, 'present.json'), JSON.stringify(present));
  images.forEach((_, id) => is(id) || rmSync(join(folder, `${id}.png`)));
}

let trained: Result;
beforeAll(async () => {
  await writePictures();
  const data = (annotations: string) => ({ format: 'coco', annotations: join(folder, annotations), images: folder });
  const set = {
    data: { train: data('present.json'), val: data('all.json'), onBadImage: 'skip', workers: 0 },
    batchSize: 8,
    optimizer: { name: 'adamw', lr: 5e-3 },
    evaluate: { every: 0, metric: ['coco', { maxDetections: [1, 2] }] },
    ema: null,
    log: { every: 20 },
  };
  const words = Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`]);
  trained = await kd(['train', config('alone.config.ts'), '--out', run, '--epochs', '60', ...words]);
});

test('pictures that cannot be read are counted beside AP, and their objects are no misses', async () => {
  expect(trained.stderr).toContain('(8 of 16 images, 8 skipped)');
  expect(trained.stdout).toContain('measured on 8 of 16 images; 8 could not be read');
  const summary = json(join(run, 'summary.json')) as { metrics: object; evaluation: Evaluated };
  expect(summary.evaluation).toMatchObject({ images: 8, skipped: [{ file: '1.png' }, ...Array<object>(7).fill({})] });
  const line = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n').at(-1)!;
  expect(JSON.parse(line)).toMatchObject({ type: 'evaluation', images: 8, skipped: 8 });

  // The run's own way with bad pictures, and its own data.
  const again = shown(await kd(['eval', run, '--json', '--workers', '0']));
  expect(again).toMatchObject({ images: 8, skipped: { length: 8 }, metrics: summary.metrics });
  expect(again.metrics['AP']).toBeGreaterThan(0.02);
  expect(shown(await kd(['eval', run, '--json', ...coco('present.json')]))).toMatchObject({
    images: 8,
    skipped: [],
    metrics: summary.metrics,
  });
});

test('the metric is the one of the run, with its options', async () => {
  const { evaluate, ...config } = json(join(run, 'config.json')) as Record<string, object>;
  expect(evaluate).toEqual({ every: 0, metric: ['coco', { maxDetections: [1, 2] }], batchSize: 8 });
  const { metrics } = json(join(run, 'summary.json')) as Evaluated;
  expect(Object.keys(metrics)).toEqual(expect.arrayContaining(['AR1', 'AR2']));
  expect(shown(await kd(['eval', run, '--json']))).toMatchObject({
    metric: 'coco',
    metricOptions: { maxDetections: [1, 2] },
    metrics,
  });
  // A metric that only a config can make is not taken for another one.
  const own = join(folder, 'own');
  cpSync(run, own, { recursive: true });
  writeFileSync(join(own, 'config.json'), JSON.stringify({ ...config, evaluate: { metric: { name: 'coco' } } }));
  expect((await kd(['eval', own])).stderr).toMatch(/\[USAGE\] .* measured with "coco", a metric that its config made/);
});

test('a checkpoint outside of a run stops at a bad picture, unless --skip-bad leaves it out', async () => {
  const file = join(folder, 'best.safetensors');
  writeFileSync(file, readFileSync(join(run, 'checkpoints', 'best.safetensors')));
  const of = async (...more: string[]) => kd(['eval', file, '--json', ...coco('all.json'), ...more]);
  expect((await of()).stdout).toMatch(/"code":"IMAGE_\w+".*1\.png.*--skip-bad/s);
  const { images, skipped } = shown(await of('--skip-bad', '--metric', 'voc07'));
  expect(images).toBe(8);
  expect(skipped.map(({ file: name }) => name)).toEqual([1, 3, 5, 7, 9, 11, 13, 15].map((i) => `${i}.png`));
});

test('classes that the data names match those of the model by name, in another order and in part', async () => {
  const { images, annotations, categories } = json(join(folder, 'present.json')) as Record<
    'images' | 'annotations' | 'categories',
    { id: number; name: string; file_name: string; image_id: number; category_id: number; bbox: number[] }[]
  >;
  const name = new Map(categories.map((one) => [one.id, one.name]));
  const file = new Map(images.map((one) => [one.id, one.file_name]));
  const rows = annotations.map(({ image_id: image, category_id: category, bbox: [x, y, w, h] }) =>
    [file.get(image), x, y, x! + w!, y! + h!, name.get(category)].join(','),
  );
  writeFileSync(join(folder, 'boxes.csv'), rows.join('\n'));
  const first = (list: string[]) => list.filter((row) => row.endsWith('speckled-ring'));
  writeFileSync(join(folder, 'rings.csv'), first(rows).join('\n'));
  const evaluated = (...args: string[]) => kd(['eval', run, ...args, '--json']);
  const whole = shown(await evaluated(...coco('present.json')));
  const turned = await evaluated('--csv', join(folder, 'boxes.csv'), '--classes', '["speckled-ring","striped-disk"]');
  expect(shown(turned).metrics).toEqual(whole.metrics);
  const part = await evaluated('--csv', join(folder, 'rings.csv'), '--classes', '["speckled-ring"]');
  expect(part.stderr).toContain('note: not measured are striped-disk of the model, which the data has not');
  expect(part.code).toBe(0);
  expect(shown(part).images).toBe(new Set(first(rows).map((row) => row.split(',')[0])).size);
});
