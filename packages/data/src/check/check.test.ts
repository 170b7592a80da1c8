import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDataset, type CheckOptions } from './check.js';
import { checkText } from './check-text.js';

let folder: string;
const rgb = Uint8Array.from({ length: 20 * 10 * 3 }, (_, i) => i % 251);
const picture = () => sharp(rgb, { raw: { width: 20, height: 10, channels: 3 } });
const object = (name: string, [xmin, ymin, xmax, ymax]: number[], more = '') =>
  `<object><name>${name}</name>${more}<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-check-'));
  for (const name of ['Annotations', 'ImageSets/Main', 'JPEGImages/sub'])
    await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'JPEGImages/a.png'), await picture().png().toBuffer());
  await writeFile(join(folder, 'JPEGImages/sub/b.webp'), await picture().webp({ lossless: true }).toBuffer());
  await writeFile(join(folder, 'JPEGImages/bad.png'), (await picture().png().toBuffer()).subarray(0, 80));
  await writeFile(
    join(folder, 'Annotations/a.xml'),
    `<annotation>${object('cat', [3, 4, 10, 8])}${object('dog', [0, 1, 5, 5], '<difficult>1</difficult>')}${object('cat', [9, 9, 3, 3])}</annotation>`,
  );
  await writeFile(join(folder, 'ImageSets/Main/train.txt'), 'a\n');
  await writeFile(join(folder, 'classes.json'), '["dog", "cat"]');
  await writeFile(
    join(folder, 'train.json'),
    JSON.stringify({
      images: [
        { id: 1, file_name: 'a.png', width: 20, height: 10 },
        { id: 2, file_name: 'sub/b.webp', width: 20, height: 10 },
      ],
      categories: [
        { id: 5, name: 'cat' },
        { id: 9, name: 'dog' },
      ],
      annotations: [{ id: 1, image_id: 1, category_id: 9, bbox: [0.1, 0.2, 5.3, 4.7], iscrowd: 1 }],
    }),
  );
  await writeFile(
    join(folder, 'bad.json'),
    JSON.stringify({
      images: [{ id: 1, file_name: 'bad.png', width: 20, height: 10 }],
      categories: [],
      annotations: [],
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));
const check = (options: CheckOptions) => checkDataset({ folder, ...options });

describe('checkDataset', () => {
  it('gives what the program sees of a VOC split', async () => {
    const result = await check({ voc: '.', split: 'train' });
    expect(result).toEqual({
      ok: true,
      name: expect.stringContaining('train') as string,
      classes: ['cat', 'dog'],
      images: [
        {
          file: 'a.png',
          width: 20,
          height: 10,
          boxes: [
            [2, 3, 8, 5],
            [0, 0, 5, 5],
          ],
          names: ['cat', 'dog'],
          category_ids: [1, 2],
          iscrowd: [0, 1],
          area: [40, 25],
        },
      ],
      report: [
        { file: 'a.png', annotation: 2, action: 'clipped', why: expect.stringContaining('overhangs') as string },
        { file: 'a.png', annotation: 3, action: 'dropped', why: expect.stringContaining('swapped') as string },
      ],
    });
    expect(checkText(result)).toMatch(
      /usable: 1 images.*2 boxes, 1 of them to ignore.*cat: 1 boxes in 1 images.*corrected: 1 dropped, 1 clipped, 0 noted.*a\.png, annotation 3: dropped/s,
    );
  });

  it('takes classes as a list, as JSON text and from a file', async () => {
    for (const classes of [['dog', 'cat'], '["dog", "cat"]', 'classes.json']) {
      expect(await check({ voc: '.', split: 'train', classes })).toMatchObject({
        ok: true,
        images: [{ category_ids: [2, 1] }],
      });
    }
    expect(await check({ voc: '.', split: 'train', classes: '["dog"]' })).toMatchObject({
      ok: false,
      error: { message: expect.stringMatching(/a\.xml: object 1.*"cat" is unknown/) as string },
    });
    expect(await check({ voc: '.', split: 'train', classes: '["dog"' })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('JSON list') as string },
    });
  });

  it('gives COCO boxes with their fractions and the ids of the file, and dumps the decoded images', async () => {
    const result = await check({ coco: 'train.json', images: 'JPEGImages', dump: 'out' });
    expect(result).toEqual({
      ok: true,
      name: 'train',
      classes: ['cat', 'dog'],
      report: [],
      images: [
        {
          file: 'a.png',
          width: 20,
          height: 10,
          boxes: [[0.1, 0.2, 5.3, 4.7]],
          names: ['dog'],
          category_ids: [9],
          iscrowd: [1],
          area: [24.91],
        },
        { file: 'sub/b.webp', width: 20, height: 10, boxes: [], names: [], category_ids: [], iscrowd: [], area: [] },
      ],
    });
    for (const name of ['out/a.png', 'out/sub/b.png'])
      expect([
        ...(await sharp(await readFile(join(folder, name)))
          .raw()
          .toBuffer()),
      ]).toEqual([...rgb]);
    expect(checkText(result)).toMatch(
      /1 images without a box.*cat: 0 boxes.*dog: 1 boxes.*nothing had to be corrected/s,
    );
    expect(await check({ coco: 'train.json', images: 'JPEGImages', classes: ['dog'] })).toMatchObject({
      ok: true,
      classes: ['dog'],
      images: [{ category_ids: [9] }, { category_ids: [] }],
    });
    expect(await check({ coco: 'train.json', images: 'JPEGImages', classes: ['bird'] })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('no category "bird"') as string },
    });
  });

  it('decodes every image and is strict where that is wanted', async () => {
    const bad = await check({ coco: 'bad.json', images: 'JPEGImages' });
    const message = expect.stringMatching(/bad\.png.*(damaged|truncated)/) as string;
    expect(bad).toEqual({ ok: false, error: { message, findings: [message] }, report: [] });
    expect(checkText(bad)).toMatch(/^not usable: .*bad\.png/);
    expect(await check({ voc: '.', split: 'train', strict: true })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('2 findings') as string },
    });
    expect(await check({ voc: '.', split: 'train', maxPixels: 199 })).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('limit of 199') as string },
    });
    expect(await check({ voc: '.', split: 'none' })).toMatchObject({ ok: false });
  });

  it('refuses options that say nothing or too much', async () => {
    await expect(check({})).rejects.toMatchObject({ code: 'USAGE' });
    await expect(check({ coco: 'train.json' })).rejects.toThrow(/--images/);
    await expect(check({ voc: '.' })).rejects.toThrow(/--split/);
    await expect(check({ voc: '.', split: 'train', coco: 'train.json', images: '.' })).rejects.toThrow(
      /give one of --coco and --voc/,
    );
  });
});

describe('checkDataset on a set', () => {
  it('tells beside the findings what would be corrected', async () => {
    await writeFile(
      join(folder, 'gone.json'),
      JSON.stringify({
        images: ['a.png', 'gone.png'].map((name, id) => ({ id, file_name: name, width: 20, height: 10 })),
        categories: [{ id: 1, name: 'cat' }],
        annotations: [
          [1, 1, 60, 4],
          [2, 2, 3, 3],
        ].map((bbox, id) => ({ id, image_id: 0, category_id: 1, bbox })),
      }),
    );
    const result = await check({ coco: 'gone.json', images: 'JPEGImages' });
    expect(result).toMatchObject({ ok: false, report: [{ file: 'a.png', action: 'clipped' }] });
    expect(checkText(result)).toMatch(
      /^not usable: .*gone\.png[^]*\ncorrected: 0 dropped, 1 clipped, 0 noted\n  .*a\.png/,
    );
  });

  const read = async (annotations: readonly object[], more: object = {}) => {
    await writeFile(
      join(folder, 'set.json'),
      JSON.stringify({
        images: [{ id: 1, file_name: 'a.png', width: 20, height: 10 }],
        categories: [{ id: 1, name: 'cat' }],
        annotations: annotations.map((annotation, i) => ({ id: i + 1, image_id: 1, category_id: 1, ...annotation })),
        ...more,
      }),
    );
    return checkText(await check({ coco: 'set.json', images: 'JPEGImages' }));
  };

  it.each([
    ['without classes', [], { categories: [] }, /^not usable: set: it has no classes/],
    ['without images', [], { images: [] }, /^not usable: set: it has no images/],
    ['without boxes', [], {}, /^not usable: set: it has no box in any of its 1 images/],
    [
      'all of whose boxes were dropped',
      [{ bbox: [30, 1, 5, 5] }, { bbox: [1, 1, 0, 5] }],
      {},
      /^not usable: set: it has no box left: all 2 were dropped/,
    ],
    [
      'of coordinates from 0 to 1',
      [{ bbox: [0.1, 0.1, 0.5, 0.5] }, { bbox: [0, 0, 0.9, 0.9] }],
      {},
      /^not usable: set: it has 2 boxes, all smaller than a pixel/,
    ],
    ['of one box below a pixel among others', [{ bbox: [1, 1, 0.5, 0.5] }, { bbox: [1, 1, 5, 5] }], {}, /^usable: /],
  ])('%s', async (_, annotations, more, expected) => {
    expect(await read(annotations, more)).toMatch(expected);
  });

  it('notes turns by EXIF that the sizes cannot decide', async () => {
    const jpeg = (width: number, orientation: number) =>
      sharp({ create: { width, height: 12, channels: 3, background: 'red' } })
        .withMetadata({ orientation })
        .jpeg()
        .toBuffer();
    for (const [name, width, orientation] of [
      ['square', 12, 6],
      ['half-turn', 20, 3],
      ['quarter', 20, 6],
      ['undeclared', 20, 8],
      ['upright', 12, 1],
    ] as const)
      await writeFile(join(folder, `JPEGImages/${name}.jpg`), await jpeg(width, orientation));
    const text = await read([{ bbox: [1, 1, 5, 5] }], {
      images: [
        { id: 1, file_name: 'square.jpg', width: 12, height: 12 },
        { id: 2, file_name: 'half-turn.jpg', width: 20, height: 12 },
        { id: 3, file_name: 'quarter.jpg', width: 12, height: 20 },
        { id: 4, file_name: 'undeclared.jpg' },
        { id: 5, file_name: 'upright.jpg', width: 12, height: 12 },
      ],
    });
    expect(text.match(/\S+: noted: EXIF turns the picture/g)).toEqual([
      'undeclared.jpg: noted: EXIF turns the picture',
      'square.jpg: noted: EXIF turns the picture',
      'half-turn.jpg: noted: EXIF turns the picture',
    ]);
  });
});
