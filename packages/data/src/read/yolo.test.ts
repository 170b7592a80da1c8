import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folders, temporaryFolders, pngOf200x100 } from '../../test/folders.js';
import { checkDataset } from '../check/check.js';
import type { ReadDataset } from '../dataset.js';
import { yolo, type YoloOptions } from './yolo.js';

let folders: Folders;
beforeAll(async () => void (folders = await temporaryFolders()));
afterAll(() => folders.remove());
const folderOf = (files: Readonly<Record<string, string | null>>): Promise<string> => folders.make(files);

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

  it('reads polygons as their box, each row by its own length', async () => {
    const set = await open(await one('0 0.1 0.2 0.5 0.9 0.3 0.4\n1 0.5 0.5 0.5 0.5\n0 .1 .1 .2 .1 .2 .2 .1 .2\n'));
    expect(boxes(set)).toEqual([
      [
        'images/a.png',
        [
          ['cat', 20, 20, 100, 90],
          ['dog', 50, 25, 150, 75],
          ['cat', 20, 10, 40, 20],
        ],
      ],
    ]);
    expect(set.report).toEqual([]);
  });

  it('takes a picture without a label file, or with an empty one, as a negative', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: images`,
      'images/a.png': null,
      'images/b.png': null,
      'images/c.png': null,
      'labels/b.txt': '\n \n',
      'labels/c.txt': '0 .5 .5 .5 .5',
    });
    const set = await open(folder);
    expect(set.images.map(({ file, annotations }) => [file, annotations.length])).toEqual([
      ['images/a.png', 0],
      ['images/b.png', 0],
      ['images/c.png', 1],
    ]);
    expect(set.report).toEqual([]);
  });

  it('refuses a split in which no picture has a label file, and says where they are looked for', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: images`,
      'images/a.png': null,
      'a.txt': '0 .5 .5 .5 .5',
    });
    expect(await message(folder)).toMatch(/none of the 1 pictures of "train" has a label file; .*labels\/a\.txt/);
  });

  it('clips what is beyond the picture by rounding in silence, and says what is farther out', async () => {
    const rounding = await open(await one('0 0.25005 0.5 0.5 1.0001\n1 0.75005 0.5 0.5 1'));
    expect([boxes(rounding), rounding.report]).toEqual([
      [
        [
          'images/a.png',
          [
            ['cat', 0.01, 0, 100.01, 100],
            ['dog', 100.01, 0, 200, 100],
          ],
        ],
      ],
      [],
    ]);
    const { images, report } = await open(await one('0 0.5 0.5 1.001 0.5\n\n1 1.5 0.5 0.2 0.2\n0 .5 .5 .1 0'));
    expect(images[0]!.annotations.map(({ box }) => box)).toEqual([[0, 25, 200, 75]]);
    expect(report).toEqual([
      {
        file: 'images/a.png',
        annotation: 1,
        action: 'clipped',
        why: expect.stringMatching(/cat: .*overhangs/) as string,
      },
      {
        file: 'images/a.png',
        annotation: 3,
        action: 'dropped',
        why: expect.stringMatching(/dog: .*outside/) as string,
      },
      {
        file: 'images/a.png',
        annotation: 4,
        action: 'dropped',
        why: expect.stringMatching(/cat: .*no area/) as string,
      },
    ]);
    expect(await message(await one('0 0.5 0.5 1.001 0.5'), { strict: true })).toMatch(/strict mode corrects nothing/);
  });

  it('counts equal rows once, and reports them', async () => {
    const set = await open(await one('0 .5 .5 .2 .2\n1 .5 .5 .2 .2\n0 0.50 5e-1 0.2 0.2\n0 .5 .5 .2 .2'));
    expect(set.images[0]!.annotations.map(({ label }) => label)).toEqual([0, 1]);
    expect(set.report).toEqual(
      [3, 4].map((annotation) => ({
        file: 'images/a.png',
        annotation,
        action: 'dropped',
        why: 'the row is that of line 1, and counts once',
      })),
    );
  });

  it.each([
    ['0 50 25 100 50', /labels\/a\.txt, line 1: these are pixel coordinates \(the centre is at 50, 25\)/],
    ['0 .5 .5 .1 .1\n1 10 10 90 10 90 40', /line 2: these are pixel coordinates/],
    ['0.0 .5 .5 .1 .1', /line 1: the class is "0\.0"; a whole number/],
    ['cat .5 .5 .1 .1', /the class is "cat"/],
    ['-1 .5 .5 .1 .1', /the class is "-1"/],
    ['2 .5 .5 .1 .1', /line 1: the class 2 has no name in "names", which has 0, 1/],
    ['0 .5 .5 .1 .1 .9', /line 1: .*6 columns, which are predictions with a confidence/],
    ['0 .5 .5 .1', /line 1: the row has 4 columns/],
    ['0', /has 1 column;/],
    ['0 .5 .5 .1 .1 .1 .1 .1', /has 8 columns/],
    ['0 a .5 .5 .5', /line 1: "a" is not a number/],
    ['0 0,5 .5 .5 .5', /"0,5" is not a number, but one with a decimal comma; write 0\.5/],
    ['0 nan .5 .5 .5', /"nan" is not a number/],
    ['0 inf .5 .5 .5', /"inf" is not a number/],
    ['0 0x1 .5 .5 .5', /"0x1" is not a number/],
    ['0,.5,.5,.1,.1', /has 1 column/],
    ['0 .5 .5 .1 .1 # a comment', /8 columns/],
    ['{"shapes": []}', /has 2 columns/],
  ])('refuses the row %j', async (label, expected) => {
    expect(await message(await one(label))).toMatch(expected);
  });

  it('tells all findings at once, and goes on with the rest', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: images`,
      'images/a.png': null,
      'images/b.png': null,
      'labels/a.txt': '0 x .5 .5 .5\n9 .5 .5 .5 .5\n0 .5 .5 .5 .5',
      'labels/b.txt': '0 .5 .5 .1 .1 1',
    });
    const result = await checkDataset({ folder, yolo: 'data.yaml' });
    expect(result.ok ? [] : result.error.findings).toEqual([
      expect.stringMatching(/labels\/a\.txt, line 1/),
      expect.stringMatching(/labels\/a\.txt, line 2/),
      expect.stringMatching(/labels\/b\.txt, line 1/),
    ]);
    await expect(open(folder)).rejects.toThrow(/3 findings/);
  });

  it('says of a file of noise that it is none, without a finding for each line', async () => {
    const result = await checkDataset({ folder: await one('x y\n'.repeat(10_000)), yolo: 'data.yaml' });
    const findings = result.ok ? [] : result.error.findings;
    expect(findings).toHaveLength(101);
    expect(findings.at(-1)).toMatch(/9900 more rows/);
  });
});

describe('links and what is no file', () => {
  it('follow the rules of paths', async () => {
    const outside = await folderOf({ 'a.png': null, 'a.txt': '0 .5 .5 .5 .5' });
    const folder = await one('0 .5 .5 .5 .5');
    await symlink(join(outside, 'a.png'), join(folder, 'images/out.png'));
    await symlink(join(outside, 'a.txt'), join(folder, 'labels/b.txt'));
    await writeFile(join(folder, 'images/b.png'), await pngOf200x100());
    await symlink('nowhere', join(folder, 'labels/c.txt'));
    await writeFile(join(folder, 'images/c.png'), await pngOf200x100());
    await mkdir(join(folder, 'labels/d.txt'));
    await writeFile(join(folder, 'images/d.png'), await pngOf200x100());
    await symlink(outside, join(folder, 'images/linked'));
    const result = await checkDataset({ folder, yolo: 'data.yaml' });
    expect(result.ok ? [] : [...result.error.findings].sort()).toEqual([
      expect.stringMatching(/"train": .*images\/out\.png is a link to .*leaves the folder/),
      expect.stringMatching(/labels\/b\.txt is a link to .*leaves the folder/),
      expect.stringMatching(/labels\/c\.txt does not exist/),
      expect.stringMatching(/labels\/d\.txt cannot be read: it is a folder/),
    ]);
    expect(result.report).toContainEqual({
      file: 'images/linked',
      annotation: null,
      action: 'noted',
      why: 'the link to a folder is not followed',
    });
    await writeFile(join(folder, 'data.yaml'), `${NAMES}train: images/linked`);
    expect(await message(folder)).toMatch(/images\/linked is a link to .*leaves the folder/);
  });
});
