import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@kd/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kd, type Result } from './kd.js';

// a PNG of 3x2 red pixels
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQImWP4z8AAQVDqPwMDAEHSBfsYFwTiAAAAAElFTkSuQmCC',
  'base64',
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-e2e-data-'));
  for (const name of ['images', 'voc/Annotations', 'voc/ImageSets/Main', 'voc/JPEGImages'])
    await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, 'images/a.png'), PNG);
  await writeFile(join(folder, 'voc/JPEGImages/a.png'), PNG);
  await writeFile(join(folder, 'voc/ImageSets/Main/val.txt'), 'a\r\n\r\n');
  await writeFile(
    join(folder, 'voc/Annotations/a.xml'),
    '<annotation><filename>a.jpg</filename><object><name>cell</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>2</ymax></bndbox></object></annotation>',
  );
});
afterAll(() => rm(folder, { recursive: true }));

const check = (...args: string[]): Promise<Result> => kd(['data', 'check', ...args], { cwd: folder });
const coco = async (changes: object, ...args: string[]) => {
  const annotations = [{ id: 0, image_id: 4, category_id: 7, bbox: [0, 0, 2.5, 1] }];
  await writeFile(
    join(folder, 'x.json'),
    JSON.stringify({
      images: [{ id: 4, file_name: 'a.png', width: 3, height: 2 }],
      categories: [{ id: 7, name: 'cell' }],
      annotations,
      ...changes,
    }),
  );
  const { code, stdout } = await check('--coco', 'x.json', '--images', 'images', '--json', ...args);
  return { code, result: JSON.parse(stdout) as { ok: boolean; error?: { message: string } } };
};

describe('kd data check', () => {
  it('prints what the program sees of a VOC split, for people and as JSON', async () => {
    const { code, stdout } = await check('--voc', 'voc', '--split', 'val', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      name: 'voc-val',
      classes: ['cell'],
      images: [
        {
          file: 'a.png',
          width: 3,
          height: 2,
          boxes: [[0, 0, 3, 2]],
          names: ['cell'],
          category_ids: [1],
          iscrowd: [0],
          area: [6],
        },
      ],
      report: [
        { file: 'a.png', annotation: null, action: 'noted', why: expect.stringContaining('a.jpg') as string },
        { file: 'a.png', annotation: 1, action: 'clipped', why: expect.stringContaining('cell') as string },
      ],
    });
    expect((await check('--voc', 'voc', '--split', 'val')).stdout).toMatch(
      /usable: 1 images.*\n.*cell: 1 boxes in 1 images/,
    );
    const strict = await check('--voc', 'voc', '--split', 'val', '--strict', '--json');
    expect([strict.code, JSON.parse(strict.stdout)]).toMatchObject([
      1,
      { ok: false, error: { code: 'DATA_INVALID', message: expect.stringContaining('2 findings') as string } },
    ]);
  });

  it('prints COCO with the ids of the file', async () => {
    expect(await coco({})).toEqual({
      code: 0,
      result: {
        ok: true,
        name: 'x',
        classes: ['cell'],
        images: [
          {
            file: 'a.png',
            width: 3,
            height: 2,
            boxes: [[0, 0, 2.5, 1]],
            names: ['cell'],
            category_ids: [7],
            iscrowd: [0],
            area: [2.5],
          },
        ],
        report: [],
      },
    });
  });

  it('refuses with exit code 1 and one message: a wrong size, a truncated image, a link that leaves the folder, an unknown category', async () => {
    const image = { id: 4, file_name: 'a.png', width: 3, height: 2 };
    await writeFile(join(folder, 'images/cut.png'), PNG.subarray(0, 50));
    await writeFile(join(folder, 'outside.png'), PNG);
    await symlink(join(folder, 'outside.png'), join(folder, 'images/link.png'));
    const cases: readonly [object, RegExp][] = [
      [{ images: [{ ...image, width: 4 }] }, /a\.png.*4x2.*3x2/],
      [{ images: [{ ...image, file_name: 'cut.png' }] }, /cut\.png.*truncated/],
      [{ images: [{ ...image, file_name: 'link.png' }] }, /leaves the folder/],
      [{ images: [{ ...image, file_name: '../outside.png' }] }, /image 4.*leaves its folder/],
      [{ categories: [] }, /annotation 0: category_id 7/],
    ];
    for (const [changes, message] of cases) {
      const { code, result } = await coco(changes);
      expect([code, result.ok]).toEqual([1, false]);
      expect(result.error!.message).toMatch(message);
    }
    // all of it at once, under the name of the set
    const { result } = await coco({ images: [{ ...image, file_name: 'cut.png' }], categories: [] });
    expect(result.error!.message).toMatch(/^x: 2 findings:\n {2}.*annotation 0.*\n {2}.*cut\.png/);
  });

  it('refuses options that name no data set with exit code 2', async () => {
    expect((await check()).code).toBe(2);
    expect((await check('--coco', 'x.json')).stderr).toContain('--images');
  });
});

it('reads the same data set from a config, batch by batch', async () => {
  const dataset = await openDataset({ format: 'voc', root: 'voc', split: 'val' }, folder);
  const input = {
    minSize: [32],
    maxSize: 64,
    fixedSize: null,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    sizeDivisible: 32,
  } as const;
  const loader = dataset.loader({
    input,
    batchSize: 1,
    training: false,
    shuffle: false,
    dropLast: false,
    seed: 1,
    augment: [],
    workers: 1,
    onBadImage: 'error',
  });
  for await (const batch of loader.epoch(0)) {
    expect([batch.shape, batch.imageSizes, [...batch.boxes], batch.ids]).toEqual([
      [1, 32, 64, 3],
      [[32, 48]],
      [0, 0, 48, 32],
      ['a'],
    ]);
    expect([...batch.images.subarray(0, 3)]).toEqual([1, 0, 0]);
  }
  await loader.close();
});
