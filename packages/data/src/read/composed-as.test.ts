import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Content, type Folders, temporaryFolders } from '../../test/folders.js';
import { type CheckOptions, checkDataset } from '../check/check.js';
import { composedAs } from './composed-as.js';

let folders: Folders;
beforeAll(async () => void (folders = await temporaryFolders()));
afterAll(() => folders.remove());

const name = 'Füße/Kühe';
const [whole, apart] = [name.normalize('NFC'), name.normalize('NFD')];

it('finds a name by other code points of its letters, part by part, and leaves others as they are', async () => {
  const mixed = `${apart.split('/')[0]!}/${whole.split('/')[1]!}`;
  const folder = await folders.make({ [`${mixed}.png`]: null, 'a.png': null });
  const found = {
    path: `${mixed}.png`,
    why: expect.stringContaining('the same letters by other code points') as string,
  };
  expect(await composedAs(folder, `${whole}.png`)).toEqual(found);
  expect(await composedAs(folder, `${apart}.png`)).toEqual(found);
  for (const path of [`${mixed}.png`, 'a.png', 'b.png', 'ü.png'])
    expect(await composedAs(folder, path)).toEqual({ path });
});

const shapes = [
  {
    label: 'cow',
    points: [
      [10, 20],
      [50, 60],
    ],
    shape_type: 'rectangle',
  },
];
const object =
  '<object><name>cow</name><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></object>';

it.each<[string, (written: string, there: string) => Readonly<Record<string, Content>>, CheckOptions]>([
  [
    'coco',
    (written, there) => ({
      [`${there}.png`]: null,
      'a.json': {
        images: [{ id: 1, file_name: `${written}.png`, width: 200, height: 100 }],
        annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [10, 20, 40, 40] }],
        categories: [{ id: 1, name: 'cow' }],
      },
    }),
    { coco: 'a.json', images: '.' },
  ],
  [
    'csv',
    (written, there) => ({ [`${there}.png`]: null, 'a.csv': `${written}.png,10,20,50,60,cow\n` }),
    { csv: 'a.csv' },
  ],
  [
    'labelme',
    (written, there) => ({ [`${there}.png`]: null, 'a.json': { imagePath: `${written}.png`, shapes } }),
    { labelme: '.' },
  ],
  [
    'yolo, a list',
    (written, there) => ({
      [`${there}.png`]: null,
      [`${there}.txt`]: '0 .15 .4 .2 .4',
      'train.txt': `${written}.png\n`,
      'data.yaml': 'names: [cow]\ntrain: train.txt\n',
    }),
    { yolo: 'data.yaml' },
  ],
  [
    'yolo, labels',
    (written, there) => ({
      [`images/${there}.png`]: null,
      [`labels/${written}.txt`]: '0 .15 .4 .2 .4',
      'data.yaml': 'names: [cow]\ntrain: images\n',
    }),
    { yolo: 'data.yaml' },
  ],
  [
    'voc, the list',
    (written, there) => ({
      [`JPEGImages/${there}.png`]: null,
      [`Annotations/${there}.xml`]: `<annotation>${object}</annotation>`,
      'ImageSets/Main/train.txt': written,
    }),
    { voc: '.', split: 'train' },
  ],
  [
    'voc, the picture',
    (written, there) => ({
      [`JPEGImages/${there}.png`]: null,
      [`Annotations/${written}.xml`]: `<annotation>${object}</annotation>`,
      'ImageSets/Main/train.txt': written,
    }),
    { voc: '.', split: 'train' },
  ],
])('%s: names of macOS find the files of other systems, and the other way round', async (_, files, options) => {
  for (const [written, there] of [
    [whole, apart],
    [apart, whole],
  ] as const) {
    const result = await checkDataset({ folder: await folders.make(files(written, there)), ...options });
    expect(result).toMatchObject({ ok: true, images: [{ boxes: [[10, 20, 40, 40]], names: ['cow'] }] });
  }
});
