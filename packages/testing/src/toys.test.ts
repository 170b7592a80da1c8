import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDetector, type HostBatch, type HostTensor, type Loader, parseOptions } from '@kd/core';
import { cpu } from '@kd/engine-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonFormat, toyData, toyDetector, toyMetric } from './index.js';

beforeAll(() => cpu().start());

const input = buildInput();
function buildInput() {
  return { minSize: [32], maxSize: 32, fixedSize: null, mean: [0, 0, 0], std: [1, 1, 1], sizeDivisible: 16 } as const;
}

async function loader(seed = 0): Promise<Loader> {
  const data = await toyData({ images: 7 }).open({ folder: '.' });
  return data.loader({
    input,
    batchSize: 2,
    training: true,
    shuffle: true,
    dropLast: true,
    seed,
    augment: [{ name: 'flip', probability: 0.5 }],
    workers: 0,
    onBadImage: 'error',
  });
}

async function batches(of: Loader, epoch: number, from = 0): Promise<HostBatch[]> {
  const all: HostBatch[] = [];
  for await (const batch of of.epoch(epoch, from)) all.push(batch);
  return all;
}

describe('toyData', () => {
  it('starts an epoch anywhere with just the batches that the whole one has there', async () => {
    const whole = await batches(await loader(), 3);
    expect(whole).toHaveLength(3);
    expect(await batches(await loader(), 3, 1)).toEqual(whole.slice(1));
  });

  it('draws another order in another epoch and with another seed', async () => {
    const ids = (all: HostBatch[]) => all.flatMap((batch) => batch.ids).join();
    const first = ids(await batches(await loader(), 0));
    expect(ids(await batches(await loader(), 1))).not.toBe(first);
    expect(ids(await batches(await loader(1), 0))).not.toBe(first);
  });

  it('paints each object where its box says, flipped ones too', async () => {
    for (const batch of (await Promise.all([0, 1, 2].map(async (epoch) => batches(await loader(), epoch)))).flat()) {
      const [, height, width] = batch.shape;
      batch.ids.forEach((_, b) => {
        if (batch.mask[b * batch.maxBoxes] !== 1) return;
        const at = b * batch.maxBoxes;
        const [x1, y1, x2, y2] = batch.boxes.subarray(at * 4, at * 4 + 4) as unknown as number[];
        const channel = batch.labels[at]! * 2;
        const red = (x: number, y: number) =>
          batch.images[((b * height + Math.floor(y)) * width + Math.floor(x)) * 3 + channel];
        expect([red(x1!, y1!), red(x2! - 1, y2! - 1)]).toEqual([1, 1]);
      });
    }
  });
});

describe('toyMetric', () => {
  it('counts objects that a detection of their class covers', async () => {
    const data = await toyData({ images: 6 }).open({ folder: '.' });
    const perfect = data.images.map(({ id, annotations }) => ({
      id,
      boxes: Float32Array.from(annotations.flatMap(({ box }) => box)),
      scores: Float32Array.from(annotations, () => 1),
      labels: Int32Array.from(annotations, ({ label }) => label),
    }));
    expect(toyMetric().evaluate(data, perfect).metrics).toEqual({ recall50: 1 });
    expect(
      toyMetric().evaluate(
        data,
        perfect.map((one) => ({ ...one, labels: one.labels.map((label) => 1 - label) })),
      ).metrics,
    ).toEqual({ recall50: 0 });
  });
});

describe('toyDetector', () => {
  it('refuses options that it does not know', () => {
    expect(() => parseOptions(toyDetector.definition.options, { widht: 3 }, 'toy')).toThrow(/widht/);
  });

  it('starts from weights that depend on the seed alone', () => {
    const build = (seed: number) => buildDetector(toyDetector(), { categories: [{ id: 1, name: 'a' }], seed }).detector;
    const values = [build(4), build(4), build(5)].map((detector) => {
      const all = detector.variables.map(({ variable }) => [...variable.dataSync()]);
      detector.dispose();
      return all;
    });
    expect(values[1]).toEqual(values[0]);
    expect(values[2]).not.toEqual(values[0]);
  });
});

describe('jsonFormat', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'kd-json-'))));
  afterAll(() => rm(folder, { recursive: true }));

  it('keeps every bit', async () => {
    const tensors = new Map<string, HostTensor>([
      ['a', { dtype: 'F32', shape: [4], data: Float32Array.of(NaN, -0, Infinity, 1e-45) }],
      ['b', { dtype: 'I64', shape: [1], data: BigInt64Array.of(-(2n ** 63n)) }],
      ['c', { dtype: 'F32', shape: [0], data: new Float32Array(0) }],
    ]);
    const file = join(folder, 'a.json');
    await jsonFormat.write(file, tensors, { note: 'é' });
    expect(await jsonFormat.read(file)).toEqual({ tensors, metadata: { note: 'é' } });
  });

  it('names a file that is cut short', async () => {
    const file = join(folder, 'b.json');
    await jsonFormat.write(file, new Map(), {});
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, -3));
    await expect(jsonFormat.read(file)).rejects.toThrow(/b\.json cannot be read as a checkpoint/);
  });
});
