import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Folders, temporaryFolders } from '../../test/folders.js';
import type { ReadDataset } from '../dataset.js';
import { openDataset } from '../open-dataset.js';
import { cocoText, toCoco } from './to-coco.js';

let folders: Folders;
beforeAll(async () => void (folders = await temporaryFolders()));
afterAll(() => folders.remove());

const yoloSet = () =>
  folders.make({
    'set/data.yaml': 'train: images\nnames: {0: cat, 3: dog}',
    'set/images/b.png': null,
    'set/images/a/c.png': null,
    'set/labels/b.txt': '3 .5 .5 .5 .5\n0 .1 .1 .3 .1\n0 .05 .05 .1 .1',
  });
const openYolo = (folder: string) => openDataset({ format: 'yolo', data: 'set/data.yaml', split: 'train' }, folder);
const back = async (folder: string, file: string, images: string): Promise<ReadDataset> =>
  openDataset({ format: 'coco', annotations: file, images }, folder);
const boxes = ({ images, categories }: ReadDataset) =>
  images.map(({ width, height, annotations }) => [
    width,
    height,
    ...annotations.map(({ box, label, area, ignore }) => [categories[label]!, ...box, area, ignore]),
  ]);

test('ids, sizes and boxes are those of the set, and the same each time', async () => {
  const folder = await yoloSet();
  const set = await openYolo(folder);
  const { instances, images } = await toCoco(set, join(folder, 'set/all.json'));
  expect(images).toBe(join(folder, 'set'));
  expect(instances).toEqual({
    images: [
      { id: 1, file_name: 'images/a/c.png', width: 200, height: 100 },
      { id: 2, file_name: 'images/b.png', width: 200, height: 100 },
    ],
    categories: [
      { id: 0, name: 'cat' },
      { id: 3, name: 'dog' },
    ],
    annotations: [
      { id: 1, image_id: 2, category_id: 3, bbox: [50, 25, 100, 50], area: 5000, iscrowd: 0 },
      { id: 2, image_id: 2, category_id: 0, bbox: [0, 5, 50, 10], area: 500, iscrowd: 0 },
      { id: 3, image_id: 2, category_id: 0, bbox: [0, 0, 20, 10], area: 200, iscrowd: 0 },
    ],
  });
  expect((await toCoco(await openYolo(folder), join(folder, 'set/all.json'))).instances).toEqual(instances);
  await writeFile(join(folder, 'all.json'), cocoText(instances));
  expect(boxes(await back(folder, 'all.json', 'set'))).toEqual(boxes(set));
});

test('file names start from the deepest folder of the pictures where the output lies elsewhere', async () => {
  const folder = await yoloSet();
  const { instances, images } = await toCoco(await openYolo(folder), join(folder, 'out/all.json'));
  expect([images, instances.images.map((one) => one.file_name)]).toEqual([
    join(folder, 'set/images'),
    ['a/c.png', 'b.png'],
  ]);
});

test('a difficult object of VOC becomes a crowd, and ids of COCO stay', async () => {
  const object =
    '<object><name>cat</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>5</ymax></bndbox></object>';
  const folder = await folders.make({
    'JPEGImages/a.png': null,
    'Annotations/a.xml': `<annotation>${object}</annotation>`,
    'ImageSets/Main/train.txt': 'a',
    'coco.json': {
      images: [{ id: 70, file_name: 'a.png', width: 200, height: 100 }],
      categories: [{ id: 9, name: 'cat' }],
      annotations: [{ id: 5, image_id: 70, category_id: 9, bbox: [0.1, 0.2, 0.3, 0.7], area: 0.2 }],
    },
  });
  const voc = await toCoco(
    await openDataset({ format: 'voc', root: '.', split: 'train' }, folder),
    join(folder, 'x.json'),
  );
  expect(voc.instances.annotations).toEqual([
    { id: 1, image_id: 1, category_id: 1, bbox: [0, 0, 9, 5], area: 45, iscrowd: 1 },
  ]);
  const coco = await toCoco(await back(folder, 'coco.json', 'JPEGImages'), join(folder, 'x.json'));
  expect(coco.instances.images[0]).toMatchObject({ id: 70, file_name: 'JPEGImages/a.png' });
  expect(coco.instances.annotations).toEqual([
    { id: 5, image_id: 70, category_id: 9, bbox: [0.1, 0.2, 0.3, 0.7], area: 0.2, iscrowd: 0 },
  ]);
});

test('pictures that are not there, and sets without files, are refused', async () => {
  const folder = await folders.make({
    'coco.json': {
      images: [{ id: 1, file_name: 'a.png', width: 200, height: 100 }],
      categories: [{ id: 9, name: 'cat' }],
      annotations: [],
    },
  });
  await expect(toCoco(await back(folder, 'coco.json', '.'), join(folder, 'x.json'))).rejects.toThrow(
    /1 of 1 images are not there: a\.png/,
  );
  const drawn = await openDataset({ format: 'synthetic', images: 2, size: 32, sizes: [8, 16] }, folder);
  await expect(toCoco(drawn, join(folder, 'x.json'))).rejects.toMatchObject({ code: 'USAGE' });
});
