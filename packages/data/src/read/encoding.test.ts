import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Content, type Folders, temporaryFolders } from '../../test/folders.js';
import { type CheckOptions, checkDataset } from '../check/check.js';

let folders: Folders;
beforeAll(async () => void (folders = await temporaryFolders()));
afterAll(() => folders.remove());

const coco = {
  images: [{ id: 1, file_name: 'a.png', width: 200, height: 100 }],
  annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [1, 2, 30, 40], area: 1200, iscrowd: 0 }],
  categories: [{ id: 1, name: 'Kühe' }],
};
const points = [
  [1, 2],
  [30, 40],
];
const labelme = { imagePath: 'a.png', shapes: [{ label: 'Kühe', points, shape_type: 'rectangle' }] };
const yaml = 'names: [Kühe]\ntrain: images\n';
const row = 'a.png,1,2,30,40,Kühe\n';
const label = '0 .5 .5 .1 .1\n';

it.each<[string, string, Readonly<Record<string, Content>>, CheckOptions]>([
  ['boxes.csv', row, {}, { csv: 'boxes.csv', images: 'images' }],
  ['classes.csv', 'Kühe,0\n', { 'b.csv': row }, { csv: 'b.csv', images: 'images', classes: 'classes.csv' }],
  ['coco.json', JSON.stringify(coco), {}, { coco: 'coco.json', images: 'images' }],
  ['images/a.json', JSON.stringify(labelme), {}, { labelme: 'images' }],
  ['data.yaml', yaml, { 'labels/a.txt': label }, { yolo: 'data.yaml' }],
  [
    'train.txt',
    'images/ä.png\n',
    { 'data.yaml': 'names: [Kühe]\ntrain: train.txt\n', 'images/ä.png': null, 'labels/ä.txt': label },
    { yolo: 'data.yaml' },
  ],
  ['labels/a.txt', label, { 'data.yaml': yaml }, { yolo: 'data.yaml' }],
])(
  '%s is refused in another encoding than UTF-8: its letters would become others',
  async (name, text, more, options) => {
    const check = async (content: Content): Promise<string> => {
      const folder = await folders.make({ 'images/a.png': null, ...more, [name]: content });
      const result = await checkDataset({ folder, ...options });
      return result.ok ? `usable: ${result.classes.join()}` : result.error.message.replace(join(folder, name), 'FILE');
    };
    expect(await check(text)).toBe('usable: Kühe');
    const refused = /FILE(?:, line \d+,)? cannot be read: its text is not valid UTF-8; save it as UTF-8\./;
    expect(await check(Buffer.from(`\ufeff${text}`, 'utf16le'))).toMatch(refused);
    if (/[äü]/.test(text)) expect(await check(Buffer.from(text, 'latin1'))).toMatch(refused);
  },
);
