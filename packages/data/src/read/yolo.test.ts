import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDataset } from '../check/check.js';
import type { ReadDataset } from '../dataset.js';
import { yolo, type YoloOptions } from './yolo.js';

let root: string;
let png: Buffer;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kd-yolo-'));
  png = await sharp({ create: { width: 200, height: 100, channels: 3, background: '#808080' } })
    .png()
    .toBuffer();
});
afterAll(() => rm(root, { recursive: true }));

let sets = 0;
/** A folder of its own: `images/…` that are no text are pictures of 200x100. */
async function folderOf(files: Readonly<Record<string, string | null>>): Promise<string> {
  const folder = join(root, `set${sets++}`);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content ?? png);
  }
  return folder;
}

const NAMES = 'names: [cat, dog]\n';
/** One picture with that label. */
const one = (label: string, yaml = `${NAMES}train: images\n`): Promise<string> =>
  folderOf({ 'data.yaml': yaml, 'images/a.png': null, 'labels/a.txt': label });

const open = (folder: string, options: Partial<YoloOptions> = {}): Promise<ReadDataset> =>
  yolo({ data: 'data.yaml', split: 'train', ...options }).open({ folder });

const boxes = ({ images, categories }: ReadDataset): unknown[] =>
  images.map(({ file, annotations }) => [file, annotations.map(({ label, box }) => [categories[label]!.name, ...box])]);

const message = async (folder: string, options: object = {}): Promise<string> => {
  const result = await checkDataset({ folder, yolo: 'data.yaml', ...options });
  return result.ok ? 'usable' : result.error.message;
};

describe('yolo', () => {
  it('reads centre and size as fractions of the picture', async () => {
    const set = await open(await one('0 0.5 0.5 0.5 0.5\n1 .1 .2 .1 .2\n'));
    expect(set.categories).toEqual([
      { id: 0, name: 'cat' },
      { id: 1, name: 'dog' },
    ]);
    expect(boxes(set)).toEqual([
      [
        'images/a.png',
        [
          ['cat', 50, 25, 150, 75],
          ['dog', 10, 10, 30, 30],
        ],
      ],
    ]);
    expect(set.report).toEqual([]);
    expect(set.images[0]).toMatchObject({ id: 'images/a.png', width: 200, height: 100 });
    expect(await message(await one('0 0.5 0.5 0.5 0.5'))).toBe('usable');
  });
});
