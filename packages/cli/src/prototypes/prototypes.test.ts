import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostTensor } from '@kd/core';
import { writeSafetensors } from '@kd/weights';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../main.js';

let folder: string;
let run: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-prototypes-'));
});
afterAll(() => rm(folder, { recursive: true }));

const CLASSES = ['<b>cat</b> & "co"', 'dog', 'gnu'];
const IMAGES = ['<img src=x onerror=alert(1)>', 7, 'left/out'];
const said = { out: '', err: '' };

/** Five instances of two classes on three images; two levels, the second without a prototype of the dog's own. */
function bankTensors(
  changes: { readonly info?: object; readonly tensors?: Readonly<Record<string, HostTensor | null>> } = {},
): Map<string, HostTensor> {
  const level = (stride: number, source: readonly string[]) => ({
    tap: `neck@p${stride}`,
    stride,
    studentChannels: 2,
    teacherChannels: 3,
    classes: source.map((one) => ({
      source: one,
      instances: 2,
      dropped: one === 'kept' ? 1 : 0,
      filterIgnored: one === 'chosen',
    })),
  });
  const info = {
    format: 2,
    step: 40,
    epoch: 2,
    classes: CLASSES,
    images: IMAGES,
    select: 'pgm',
    count: 10,
    levels: [level(8, ['chosen', 'chosen', 'empty']), level(16, ['chosen', 'kept', 'empty'])],
    sampled: [
      { images: 2, instances: 3 },
      { images: 1, instances: 2 },
      { images: 0, instances: 0 },
    ],
    ...changes.info,
  };
  const int = (...values: number[]): HostTensor => ({
    dtype: 'I32',
    shape: [values.length],
    data: Int32Array.from(values),
  });
  const float = (...values: number[]): HostTensor => ({
    dtype: 'F32',
    shape: [values.length],
    data: Float32Array.from(values),
  });
  const double = (...values: number[]): HostTensor => ({
    dtype: 'F64',
    shape: [values.length],
    data: Float64Array.from(values),
  });
  const bytes = new TextEncoder().encode(JSON.stringify(info));
  const named: Record<string, HostTensor | null> = {
    info: { dtype: 'U8', shape: [bytes.length], data: bytes },
    'instances/image': int(0, 0, 1, 1, 1),
    'instances/box': {
      dtype: 'F32',
      shape: [5, 4],
      data: Float32Array.from([5, 5, 45, 35, 60, 10, 99, 60, 0, 0, 30, 30, 10, 10, 50.25, 60, 40, 0, 80, 70]),
    },
    'instances/label': int(0, 0, 0, 1, 1),
    'level0/offsets': int(0, 1, 2, 2),
    'level0/instance': int(1, 4),
    'level0/gain': double(3, 1),
    'level0/energy': double(6, 4, 0),
    'level0/explained': int(3, 1),
    'level0/nearest': int(0, 0, 0, -1, 1),
    'level0/cosine': float(0.25, 1, 0.75, 0, 1),
    'level1/offsets': int(0, 1, 2, 2),
    'level1/instance': int(2, 3),
    'level1/gain': double(2, 0),
    'level1/energy': double(6, 4, 0),
    'level1/explained': int(1, 0),
    'level1/nearest': int(-1, -1, 0, -1, -1),
    'level1/cosine': float(0, 0, 1, 0, 0),
    ...changes.tensors,
  };
  return new Map(Object.entries(named).filter((entry): entry is [string, HostTensor] => entry[1] !== null));
}

const bankFile = (name = 'epoch-2', plugin = 'prototype'): string => join(run, 'passes', plugin, `${name}.safetensors`);
const writeBank = (tensors = bankTensors(), file = bankFile()): Promise<void> => writeSafetensors(file, tensors, {});

let number = 0;
beforeEach(async () => {
  // A folder with a name that is markup, too.
  run = join(folder, `${number++} <i>run`);
  await mkdir(join(run, 'images'), { recursive: true });
  const images = IMAGES.map((id, i) => ({ id, file_name: `${i}.png`, width: 100, height: 80 }));
  await writeFile(
    join(run, 'train.json'),
    JSON.stringify({ images, categories: [{ id: 1, name: 'cat' }], annotations: [] }),
  );
  await Promise.all(
    images.slice(0, 2).map(({ file_name: name }, i) =>
      sharp({ create: { width: 100, height: 80, channels: 3, background: { r: 40 + 160 * i, g: 90, b: 120 } } })
        .png()
        .toFile(join(run, 'images', name)),
    ),
  );
  await writeFile(
    join(run, 'config.json'),
    JSON.stringify({ data: { train: { format: 'coco', annotations: 'train.json', images: 'images' } } }),
  );
  await writeFile(join(run, 'origin.json'), JSON.stringify({ config: 'kd.config.ts', folder: run }));
  Object.assign(said, { out: '', err: '' });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said.out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.err += String(text);
    return true;
  });
  return () => void vi.restoreAllMocks();
});

const page = async (...more: string[]): Promise<string> => {
  expect(await main(['prototypes', run, '--json', ...more]), said.out).toBe(0);
  return readFile((JSON.parse(said.out) as { page: string }).page, 'utf8');
};

describe('kd prototypes', () => {
  test('shows what was chosen per class and level, in order, with gain, image, box and what it is nearest to', async () => {
    await writeBank();
    const html = await page();
    expect(JSON.parse(said.out)).toEqual({
      ok: true,
      page: join(run, 'prototypes.html'),
      bank: bankFile(),
      plugin: 'prototype',
      step: 40,
      epoch: 2,
      prototypes: 4,
      images: 5,
    });
    expect(html.match(/<li>/g)).toHaveLength(4);
    expect(html).toContain('made at step 40, epoch 2');
    expect(html).toContain('<b>gain 50.0 %</b>');
    expect(html).toContain('image 7, box [10, 10, 50.3, 60]');
    expect(html).toContain('nearest to 3 of 3 instances (100.0 %)');
    // The nearest first, without the prototype itself.
    expect(
      [...html.matchAll(/class="c(\d)"[^>]*><\/i><figcaption>([\d.]+)/g)].map(([, row, cosine]) => [row, cosine]),
    ).toEqual([
      ['2', '0.75'],
      ['0', '0.25'],
    ]);
    expect(html).toContain('kept from the bank before: no instance now · 1 instance without a finite feature left out');
    expect(html).toContain('no instance, no prototype');
    expect(html.match(/background-image:url\(data:image\/jpeg;base64,/g)).toHaveLength(5);
    // Nothing from elsewhere.
    expect(html).not.toMatch(/https?:|<script|<link|url\((?!data:)/);
  });

  test('escapes every name that comes from data', async () => {
    await writeBank(bankTensors({ info: { select: '<s>' } }));
    const html = await page();
    expect(html).not.toMatch(/<b>cat|<img|<i>run|<s>/);
    expect(html).toContain('&lt;b&gt;cat&lt;/b&gt; &amp; &quot;co&quot;');
    expect(html).toContain('image &lt;img src=x onerror=alert(1)&gt;, box');
  });

  test('takes the newest bank, another one by its epoch or step, one class, and fewer neighbours', async () => {
    await writeBank();
    await writeBank(bankTensors({ info: { step: 200, epoch: 10 } }), bankFile('epoch-10'));
    expect(await page()).toContain('made at step 200');
    said.out = '';
    expect(
      await page('--epoch', '2', '--class', 'dog', '--instances', '0', '--out', join(run, 'of-two.html')),
    ).toContain('made at step 40');
    expect(JSON.parse(said.out)).toMatchObject({ page: join(run, 'of-two.html'), prototypes: 2, images: 2 });
    await rm(join(run, 'passes'), { recursive: true });
    await writeBank(bankTensors(), bankFile('step-500'));
    said.out = '';
    expect(await page('--step', '500')).toContain('made at step 40');
  });

  test('takes the crop from the box, in the colours of its image', async () => {
    await writeBank();
    const html = await page();
    const uri = /\.c4\{width:(\d+)px;height:(\d+)px;background-image:url\(data:image\/jpeg;base64,([^)]+)\)/.exec(
      html,
    )!;
    const { data, info } = await sharp(Buffer.from(uri[3]!, 'base64')).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([Number(uri[1]), Number(uri[2])]);
    // x 29.5 to 90.5 and y 0 to 80 (10 around, cut at the image's upper and lower edge), 96 high.
    expect([info.width, info.height]).toEqual([Math.round((62 * 96) / 80), 96]);
    expect(Math.abs(data[3 * (48 * info.width + 37)]! - 200)).toBeLessThan(6);
  });

  const damaged = (what: Parameters<typeof bankTensors>[0]) => () => writeBank(bankTensors(what));
  const int = (...values: number[]): HostTensor => ({
    dtype: 'I32',
    shape: [values.length],
    data: Int32Array.from(values),
  });
  test.each<[string, () => Promise<unknown>, string[], RegExp]>([
    [
      'no run',
      () => rm(join(run, 'config.json')),
      [],
      /\[RUN_FOLDER\] .*is not the folder of a run: there is no config\.json/,
    ],
    ['no bank', async () => {}, [], /\[RUN_FOLDER\] .*holds no bank of prototypes; .*"prototype"/],
    [
      'only other passes',
      () => writeBank(new Map([['mean', int(1)]]), bankFile('epoch-0', 'walk')),
      [],
      /holds no bank of prototypes, only other passes \(walk\)/,
    ],
    [
      'another epoch',
      () => writeBank(),
      ['--epoch', '1'],
      /\[USAGE\] .*has no bank of epoch 1 of "prototype"; it has epoch 2/,
    ],
    ['an epoch that is none', () => writeBank(), ['--epoch', 'last'], /\[USAGE\] --epoch last/],
    ['an unknown class', () => writeBank(), ['--class', 'cow'], /\[USAGE\] there is no class "cow" in the bank; .*dog/],
    [
      'two distillers',
      async () => {
        await writeBank();
        await writeBank(bankTensors(), bankFile('epoch-0', 'second'));
      },
      [],
      /\[USAGE\] several distillers have a bank; give --plugin prototype or --plugin second/,
    ],
    [
      'a file that is cut',
      async () => {
        await writeBank();
        await writeFile(bankFile(), (await readFile(bankFile())).subarray(0, 700));
      },
      [],
      /\[CHECKPOINT_INVALID\] .*epoch-2\.safetensors/,
    ],
    [
      'a missing tensor',
      damaged({ tensors: { 'level1/gain': null } }),
      [],
      /epoch-2\.safetensors is damaged.*level1\/gain is missing/,
    ],
    [
      'a tensor of another length',
      damaged({ tensors: { 'level0/nearest': int(0, 1) } }),
      [],
      /level0\/nearest has 2 elements where 5 belong/,
    ],
    [
      'an instance that is not there',
      damaged({ tensors: { 'level0/instance': int(1, 5) } }),
      [],
      /level0\/instance holds 5, outside of 0 to 4/,
    ],
    [
      'rows that fall',
      damaged({ tensors: { 'level0/offsets': int(0, 3, 2, 2) } }),
      [],
      /level0\/offsets does not rise/,
    ],
    ['another format', damaged({ info: { format: 9 } }), [], /its format is 9/],
    [
      'info that is no JSON',
      damaged({ tensors: { info: { dtype: 'U8', shape: [1], data: Uint8Array.of(123) } } }),
      [],
      /its tensor info is no JSON/,
    ],
    [
      'data without a format',
      async () => {
        await writeBank();
        await writeFile(join(run, 'config.json'), '{"data":{"train":{"name":"mine"}}}');
      },
      [],
      /\[USAGE\] .*names no training data that can be opened again/,
    ],
    [
      'an image that is gone',
      async () => {
        await writeBank();
        await rm(join(run, 'images', '1.png'));
      },
      [],
      /\[IMAGE_INVALID\] a prototype cannot be shown, since its image 1\.png cannot be read: .*Put the images of train back/,
    ],
    [
      'data of another time',
      async () => {
        await writeBank();
        await writeFile(
          join(run, 'train.json'),
          '{"images":[{"id":1,"file_name":"0.png","width":100,"height":80}],"categories":[],"annotations":[]}',
        );
      },
      [],
      /\[DATA_INVALID\] the image .* of the bank is not in the training data/,
    ],
    [
      'annotations that are gone',
      async () => {
        await writeBank();
        await rm(join(run, 'train.json'));
      },
      [],
      /train\.json/,
    ],
  ])('one error for %s, and no page', async (_, prepare, flags, message) => {
    await prepare();
    expect(await main(['prototypes', run, ...flags])).not.toBe(0);
    expect(said.err).toMatch(message);
    expect(said.err.trimEnd().split('\n')).toHaveLength(1);
    await expect(readFile(join(run, 'prototypes.html'))).rejects.toThrow();
  });
});
