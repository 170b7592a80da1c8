import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HostBatch, ImageRecord, Loader, LoaderOptions } from '@kd/core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDataset } from '../dataset.js';
import { synthetic } from '../synthetic/synthetic.js';
import { imageForSlot } from './order.js';

const options: LoaderOptions = {
  input: {
    minSize: [32, 48],
    maxSize: 64,
    fixedSize: null,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    sizeDivisible: 32,
  },
  batchSize: 4,
  training: true,
  shuffle: true,
  dropLast: true,
  seed: 5,
  workers: 0,
  onBadImage: 'error',
  augment: [{ name: 'flip' }, { name: 'photometric' }, { name: 'iou-crop' }],
};

vi.setConfig({ testTimeout: 60_000 }); // threads start slowly on a busy machine

const open: Loader[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((loader) => loader.close()));
});
const pictures = await synthetic({ images: 22, size: [48, 64], sizes: [10, 30] }).open({ folder: '.' });
const loaderOf = (
  changes: Partial<LoaderOptions>,
  dataset: { loader(o: LoaderOptions): Loader } = pictures,
): Loader => {
  const loader = dataset.loader({ ...options, ...changes });
  open.push(loader);
  return loader;
};
const all = async (batches: AsyncIterable<HostBatch>): Promise<HostBatch[]> => {
  const list: HostBatch[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
};

describe('loader', () => {
  it('gives the same batches whatever the number of workers, and resumes in the middle', async () => {
    const loaders = [0, 1, 2].map((workers) => loaderOf({ workers }));
    const runs = await Promise.all(
      loaders.map(async (loader) => [await all(loader.epoch(0)), await all(loader.epoch(1))]),
    );
    expect(runs[0]![0]).toHaveLength(5);
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
    expect(await all(loaderOf({ workers: 2 }).epoch(1, 3))).toEqual(runs[0]![1]!.slice(3));
    expect(await all(loaders[1]!.epoch(1, 2))).toEqual(runs[0]![1]!.slice(2)); // also after other epochs
    expect(await all(loaderOf({}).epoch(0, 5))).toEqual([]);
  });

  it('shuffles anew each epoch, sees every image once, and augments an image by epoch alone', async () => {
    const loader = loaderOf({ dropLast: false });
    const [first, second] = [await all(loader.epoch(0)), await all(loader.epoch(1))];
    expect(loader.steps).toBe(6);
    expect(first.at(-1)!.shape[0]).toBe(2);
    const ids = (batches: HostBatch[]) => batches.flatMap((batch) => [...batch.ids]);
    expect(ids(first)).not.toEqual(ids(second));
    for (const run of [first, second])
      expect(
        ids(run)
          .map(Number)
          .sort((a, b) => a - b),
      ).toEqual(pictures.images.map(({ id }) => id));
    const plain = await all(loaderOf({ shuffle: false, batchSize: 1 }).epoch(0));
    const place = first[0]!.ids[0] as number;
    expect(plain[place - 1]!.imageSizes[0]).toEqual(first[0]!.imageSizes[0]);
    expect([...plain[place - 1]!.boxes]).toEqual([...first[0]!.boxes.subarray(0, first[0]!.maxBoxes * 4)]);
  });

  it('keeps the rows of ground truth equal, draws a size in training, takes the last in evaluation and does not augment there', async () => {
    const most = Math.max(...pictures.images.map(({ annotations }) => annotations.length));
    const batches = await all(loaderOf({ augment: [] }).epoch(0));
    expect(new Set(batches.map(({ maxBoxes }) => maxBoxes))).toEqual(new Set([most]));
    expect(new Set(batches.flatMap(({ imageSizes }) => imageSizes.map(([h]) => h)))).toEqual(new Set([32, 48]));
    const evaluation = await all(loaderOf({ training: false, shuffle: false, dropLast: false }).epoch(0));
    expect(evaluation.flatMap(({ ids }) => ids)).toEqual(pictures.images.map(({ id }) => id));
    expect(new Set(evaluation.flatMap(({ imageSizes }) => imageSizes.map(([h]) => h)))).toEqual(new Set([48]));
    expect([...evaluation[0]!.boxes.subarray(0, 4)]).toEqual(pictures.images[0]!.annotations[0]!.box);
    expect(evaluation).toEqual(
      await all(loaderOf({ training: false, shuffle: false, dropLast: false, workers: 1 }).epoch(0)),
    );
  });

  it.each([0, 1])(
    'gives chosen images alone, in their order, with the rows of the whole data set (%i workers)',
    async (workers) => {
      const plain = { training: false, shuffle: false, dropLast: false, batchSize: 1, workers };
      const whole = await all(loaderOf(plain).epoch(0));
      const indices = [9, 2, 21, 2];
      const loader = loaderOf({ ...plain, indices });
      expect(loader.steps).toBe(4);
      expect(await all(loader.epoch(0))).toEqual(indices.map((index) => whole[index]));
      const shuffled = await all(loaderOf({ indices, batchSize: 4, workers }).epoch(0));
      expect(shuffled.map(({ ids }) => ids.map(Number).sort((a, b) => a - b))).toEqual([
        [2, 2, 9, 21].map((index) => pictures.images[index]!.id),
      ]);
    },
  );

  it('refuses images that are not there', () => {
    expect(() => pictures.loader({ ...options, indices: [0, 22] })).toThrow(/asks for the image 22 of the 22 /);
    expect(() => pictures.loader({ ...options, indices: [] })).toThrow(/`indices` is empty/);
  });

  it('leaves crowds and difficult objects out of the targets', async () => {
    const records = pictures.images.map(
      (record): ImageRecord => ({
        ...record,
        annotations: record.annotations.map((annotation, i) => ({ ...annotation, ignore: i === 0 })),
      }),
    );
    const { pixels } = {
      pixels: {
        kind: 'synthetic',
        scene: {
          width: 64,
          height: 48,
          seed: 0,
          classes: ['striped-disk'],
          objects: [1, 2],
          sizes: [10, 30],
          minVisible: 0.5,
          noise: 1,
        },
      } as const,
    };
    const dataset = createDataset({ name: 'x', categories: [], images: records, report: [], pixels });
    const [batch] = await all(
      loaderOf({ training: false, shuffle: false, batchSize: 22, augment: [] }, dataset).epoch(0),
    );
    expect(batch!.mask.reduce((a, b) => a + b, 0)).toBe(
      records.reduce((sum, { annotations }) => sum + Math.max(0, annotations.length - 1), 0),
    );
  });

  it('measures the waiting, works ahead of a slow consumer, and can be left early', async () => {
    const loader = loaderOf({ workers: 1 });
    for await (const _ of loader.epoch(0)) break;
    const early = loader.stats.waitedMs;
    expect(early).toBeGreaterThan(0);
    await all(loader.epoch(1));
    const eager = loader.stats.waitedMs - early;
    let batches = 0;
    for await (const _ of loader.epoch(2)) {
      batches++;
      await new Promise((resolve) => setTimeout(resolve, Math.max(100, eager))); // as long as five batches take
    }
    expect(batches).toBe(5);
    expect(loader.stats.waitedMs - early - eager).toBeLessThan(eager); // only the first one is waited for
  });

  it('refuses options that make no batch', () => {
    expect(() => loaderOf({ batchSize: 0 })).toThrow(/batchSize/);
    expect(() => loaderOf({ batchSize: 23 })).toThrow(
      /22 images, fewer than one batch of 23, .* lower batchSize to 22/,
    );
    expect(() => loaderOf({ workers: -1 })).toThrow(/workers/);
    expect(() => loaderOf({ input: { ...options.input, minSize: [] } })).toThrow(/minSize/);
    expect(() => loaderOf({ augment: [{ name: 'flop' }] })).toThrow(/flop/);
    const wrong: readonly [string, object][] = [
      ['input.minSize', { input: { ...options.input, minSize: 32 } }],
      ['input.minSize.0', { input: { ...options.input, minSize: ['32'] } }],
      ['input.maxSize', { input: { ...options.input, maxSize: '64' } }],
      ['input', { input: { ...options.input, fixedSize: null, maxSize: 0 } }],
      ['input.fixedSize', { input: { ...options.input, fixedSize: 32 } }],
      ['input.mean', { input: { ...options.input, mean: [0] } }],
      ['input.std', { input: { ...options.input, std: [1, 0, 1] } }],
      ['input.sizeDivisible', { input: { ...options.input, sizeDivisible: 0.5 } }],
      ['input', { input: undefined }],
      ['batchSize', { batchSize: '2' }],
      ['workers', { workers: 1e6 }],
      ['training', { training: 1 }],
      ['onBadImage', { onBadImage: 'ignore' }],
      ['augment', { augment: 'flip' }],
      ['indices', { indices: [0.5] }],
    ];
    for (const [key, changes] of wrong)
      expect(() => loaderOf(changes as Partial<LoaderOptions>)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(key) as string }) as Error,
      );
    expect(() =>
      createDataset({
        name: 'none',
        categories: [],
        images: [],
        report: [],
        pixels: { kind: 'files', folder: '.', maxPixels: 1 },
      }).loader(options),
    ).toThrow(/none has no images/);
  });

  it('is closed for good, also while somebody waits', async () => {
    const loader = loaderOf({ workers: 1 });
    const waiting = expect(all(loader.epoch(0))).rejects.toThrow(/closed/);
    await loader.close();
    await waiting;
    await expect(all(loader.epoch(0))).rejects.toThrow(/closed/);
  });

  it('makes batches in threads that load no TensorFlow.js: it would be most of their start', async () => {
    const script = `
      await import(${JSON.stringify(new URL('../../dist/loader/batch-job.js', import.meta.url).href)});
      const plain = globalThis._tfengine === undefined;
      await import(${JSON.stringify(import.meta.resolve('@kd/core'))});
      console.log(plain, globalThis._tfengine === undefined);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('true false\n');
  });

  it('lets the process end by itself, closed or not', async () => {
    const script = `
      const { synthetic } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)});
      const dataset = await synthetic({ images: 40, size: 32, sizes: [8, 16] }).open({ folder: '.' });
      const loader = dataset.loader(${JSON.stringify({ ...options, workers: 2 })});
      let n = 0;
      for await (const batch of loader.epoch(0)) { n += batch.shape[0]; if (n === 12) break; }
      console.log(n);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 60_000,
    });
    expect(stdout).toBe('12\n');
  });
});

describe('onBadImage', () => {
  let folder: string;
  const record = (i: number): ImageRecord => ({ id: i, file: `${i}.png`, width: 40, height: 32, annotations: [] });
  const dataset = (images: readonly ImageRecord[]) =>
    createDataset({
      name: 'files',
      categories: [],
      images,
      report: [],
      pixels: { kind: 'files', folder, maxPixels: 1e6 },
    });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kd-bad-'));
    for (let i = 0; i < 12; i++) {
      const bytes = await sharp({ create: { width: 40, height: 32, channels: 3, background: { r: i, g: 0, b: 0 } } })
        .png()
        .toBuffer();
      await writeFile(join(folder, `${i}.png`), i === 5 || i === 6 ? bytes.subarray(0, 60) : bytes);
    }
  });
  afterAll(() => rm(folder, { recursive: true }));
  const records = Array.from({ length: 12 }, (_, i) => record(i));
  const plain = { augment: [], shuffle: false };

  it.each([0, 2])('stops with the one error, %i workers', async (workers) => {
    await expect(all(loaderOf({ ...plain, workers }, dataset(records)).epoch(0))).rejects.toMatchObject({
      name: 'KdError',
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(/5\.png.*onBadImage/s) as string,
    });
  });

  it.each([0, 2])(
    'fills training batches from the order, the same on resume, and lists what was left out, %i workers',
    async (workers) => {
      const loader = loaderOf({ ...plain, workers, onBadImage: 'skip' }, dataset(records));
      const ids = (await all(loader.epoch(0))).map((batch) => batch.ids);
      expect(ids).toEqual([
        [0, 1, 2, 3],
        [4, 9, 10, 7],
        [8, 9, 10, 11],
      ]);
      expect(
        (await all(loaderOf({ ...plain, workers, onBadImage: 'skip' }, dataset(records)).epoch(0, 1))).map(
          (batch) => batch.ids,
        ),
      ).toEqual(ids.slice(1));
      await all(loader.epoch(1));
      expect(loader.stats.skipped).toEqual(
        [5, 6].map((i) => ({ file: `${i}.png`, times: 2, why: expect.stringContaining(`${i}.png`) as string })),
      );
    },
  );

  it('leaves bad images out of evaluation', async () => {
    const loader = loaderOf(
      { ...plain, training: false, onBadImage: 'skip', batchSize: 1, dropLast: false },
      dataset(records),
    );
    expect((await all(loader.epoch(0))).flatMap((batch) => batch.ids)).toEqual([0, 1, 2, 3, 4, 7, 8, 9, 10, 11]);
    expect(
      (
        await all(
          loaderOf(
            { ...plain, training: false, onBadImage: 'skip', batchSize: 2, dropLast: false, indices: [6, 0, 5] },
            dataset(records),
          ).epoch(0),
        )
      ).map(({ ids }) => ids),
    ).toEqual([[records[0]!.id]]);
    expect(loader.stats.skipped.map(({ file }) => file)).toEqual(['5.png', '6.png']);
  });

  it('says that the folder looks wrong where most images are not there, and no advice to skip them', async () => {
    const elsewhere = [0, 1, ...Array.from({ length: 10 }, (_, i) => 100 + i)].map(record);
    for (const onBadImage of ['error', 'skip'] as const) {
      const images = onBadImage === 'skip' ? elsewhere.slice(2) : elsewhere;
      const [missing, of] = [10, images.length];
      const message = await all(loaderOf({ ...plain, workers: 0, onBadImage }, dataset(images)).epoch(0)).then(
        () => '',
        String,
      );
      expect(message).toMatch(/10\d\.png does not exist/);
      expect(message).toMatch(
        new RegExp(`${missing} of ${of} images looked for are not there: the folder .* looks wrong\\.$`),
      );
    }
  });

  it('stops when every image is bad', async () => {
    const bad = [5, 6, 5, 6, 5].map((i, id) => ({ ...record(i), id }));
    await expect(all(loaderOf({ ...plain, onBadImage: 'skip' }, dataset(bad)).epoch(0))).rejects.toThrow(
      /None of the 5 images of files can be used.*5\.png/,
    );
  });
});

it('imageForSlot starts a batch further on and goes around', () => {
  const order = [3, 1, 4, 0, 2];
  expect(imageForSlot(order, 1, 2, () => false)).toBe(1);
  expect(imageForSlot(order, 1, 2, (i) => i === 1)).toBe(0);
  expect(imageForSlot(order, 4, 2, (i) => i === 2 || i === 1)).toBe(4);
  expect(imageForSlot(order, 4, 2, () => true)).toBeNull();
});
