import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folders, temporaryFolders } from '../../test/folders.js';
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

describe('data.yaml', () => {
  const yaml = (text: string, label = '0 .5 .5 .5 .5') => one(label, text);

  it('names classes by a list or by a map with gaps, whose ids are those of the labels', async () => {
    const set = await open(await yaml('train: images\nnames: {7: dog, 2: cat}\nnc: 2', '2 .5 .5 .5 .5\n7 .5 .5 .1 .1'));
    expect(set.categories).toEqual([
      { id: 2, name: 'cat' },
      { id: 7, name: 'dog' },
    ]);
    expect(set.images[0]!.annotations.map(({ label }) => label)).toEqual([0, 1]);
    // Names as they are written: neither numbers nor words of YAML become others.
    const words = await open(await yaml("train: images\nnames: [yes, 1.0, 'no', true]"));
    expect(words.categories.map(({ name }) => name)).toEqual(['yes', '1.0', 'no', 'true']);
    expect((await open(await yaml('train: images\nnames: {0: cat, 2: dog}\nnc: 3'))).categories).toHaveLength(2);
  });

  it.each([
    ['train: images\nnames: {0.0: cat, 1: dog}', /line 2: "names": "0\.0" is no class id/],
    ['train: images\nnames: {-1: cat}', /"-1" is no class id/],
    ['train: images\nnames: {"0": cat, 0: dog}', /line 2, has the key "0" twice; leave one of the two/],
    ['train: images\nnames: [cat, cat]', /both have the name "cat"/],
    ['train: images\nnames: [cat, ]\nnc: 2', /line 3: "nc" is "2", but "names" has 1 names/],
    ['train: images\nnames: [cat, dog]\nnc: 3', /line 3: "nc" is "3", but "names" has 2/],
    ['train: images\nnames: [cat, ~]', /class 1 has no name/],
    ['train: images\nnames: coco.names', /"names" is "coco\.names"; write the names themselves/],
    ['train: images\nnames:', /"names" is empty/],
    ['train: images\nnc: 2', /"names" is missing/],
    ['val: images\nnames: [cat]', /there is no split "train"; it has val/],
    ['train:\nnames: [cat]', /line 1: there is no split "train"/],
    ['train: 3.5\nnames: [cat]', /line 1, "train": .*3\.5 does not exist/],
    ['train: {a: b}\nnames: [cat]', /"train" must be a path/],
    ['train: images\nnames: [cat]\nnames: [dog]', /line 3, has the key "names" twice; leave one of the two/],
    ['a: &a {train: images}\n<<: *a\nnames: [cat]', /line 2, has a merge key \(<<\).*write its entries out/],
    ['a: &a {0: cat}\ntrain: images\nnames:\n  <<: *a\n  1: dog', /line 4, has a merge key/],
    ['train:\timages\nnames: [cat]', /line 1, has a tab between its words/],
    ['names:\n\t- cat\ntrain: images', /line 2, .*(?:tab|Tab)/],
    ['train: images\nnames: [cat\n', /line \d, is not valid YAML/],
    ['- a\n- b', /is no YAML map/],
    ['', /is no YAML map/],
    ['train: images\nnames: !!python/object:os.system [cat]', /line 2, is not valid YAML: Unresolved tag/],
    ['train: images\nnames: [cat]\n---\na: 1', /is not valid YAML: .*documents/],
    ['train: images\nnames: [cat]\nkpt_shape: 17', /"kpt_shape" must be/],
    [
      `a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [${'*a, '.repeat(20)}]\nc: [${'*b, '.repeat(20)}]\nnames: [cat]\ntrain: images`,
      /as an alias bomb does/,
    ],
    ['a: &a [*a]\nnames: [cat]\ntrain: images', /line 1/],
    [`names: [cat]\na: ${'['.repeat(200_000)}`, /line 2, is nested too deep/],
    [`a:\n${'{a: '.repeat(200)}`, /line 2, is nested too deep/],
    [`a:\n${'- '.repeat(200_000)}x`, /line 2, is nested too deep/],
    [`${'? '.repeat(200_000)}x`, /line 1, is nested too deep/],
    [Array.from({ length: 300 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'), /line 202, is nested too deep/],
    [`names: [cat]\n#${'x'.repeat(1_000_001)}`, /has 1000015 characters, more than any description/],
  ])('refuses %j', async (text, expected) => {
    expect(await message(await yaml(text))).toMatch(expected);
  });

  it('takes as many names as there are, such as those of ImageNet-21k', async () => {
    const names = Array.from({ length: 21_841 }, (_, id) => `  ${id}: name ${id}`).join('\n');
    const folder = await one('21840 .5 .5 .5 .5', `train: images\nnames:\n${names}\n`);
    expect(boxes(await open(folder))).toEqual([['images/a.png', [['name 21840', 50, 25, 150, 75]]]]);
  });

  it('takes anchors that are used now and then', async () => {
    expect(await message(await yaml('train: &t images\nval: *t\nnames: [cat]'), { split: 'val' })).toBe('usable');
  });

  it('never runs a download, and says so', async () => {
    const folder = await yaml(`${NAMES}train: images\ndownload: |\n  import os; os.system('touch ran')\n`);
    expect((await open(folder)).report).toEqual([
      {
        file: 'data.yaml',
        annotation: null,
        action: 'noted',
        why: 'line 3: "download" is never run; the pictures have to be there',
      },
    ]);
    await rm(join(folder, 'images'), { recursive: true });
    expect(await message(folder)).toMatch(
      /line 2, "train": .*images does not exist; .*"download" in line 3 is never run/,
    );
  });

  it('says what to do where "path" is that of another machine', async () => {
    expect(
      await message(await yaml(`${NAMES}path: ../datasets/coco8\ntrain: images\ndownload: https://x.org/coco8.zip`)),
    ).toMatch(
      /line 2, "path": the path "\.\.\/datasets\/coco8" leaves the folder .*leave "path" out\. "download" in line 4 is never run/,
    );
  });

  it('refuses pose rows with that word', async () => {
    const pose = `${NAMES}train: images\nkpt_shape: [2, 3]\n`;
    expect(await message(await yaml(pose, '0 .5 .5 .5 .5 .1 .1 2 .2 .2 2'))).toMatch(
      /line 1: the row has 11 columns, a pose row as "kpt_shape" announces \(11 columns\)/,
    );
    expect(await message(await yaml(pose))).toBe('usable');
    const plain = `${NAMES}train: images\n`;
    expect(await message(await yaml(plain, '0 .5 .5 .5 .5 .1 .1 2'))).toMatch(
      /line 1: the row has 8 columns, a pose row of 1 key points \("kpt_shape": \[1, 3\]\); key points are not read/,
    );
    // As long as a polygon of five corners.
    expect(await message(await yaml(plain, '0 .5 .5 .5 .5 .1 .1 2 .2 .2 0'))).toMatch(
      /line 1: the row has 11 columns, a pose row of 2 key points \("kpt_shape": \[2, 3\]\)/,
    );
    expect(await message(await yaml(plain, '0 0 0 1 0 1 1 1 .5 0 1'))).toBe('usable');
  });

  it('reads paths from its own folder, below "path"', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}path: sets/one\ntrain: images/train\nval: [images/val, images/more]\ntest: ./images/../images/test/`,
      ...Object.fromEntries(
        ['train/a', 'val/b', 'val/deep/er/c', 'more/d', 'test/e'].flatMap((name) => [
          [`sets/one/images/${name}.png`, null],
          [`sets/one/labels/${name}.txt`, '0 .5 .5 .5 .5'],
        ]),
      ),
    });
    const files = async (split: string) => (await open(folder, { split })).images.map(({ file }) => file);
    expect(await files('train')).toEqual(['sets/one/images/train/a.png']);
    expect(await files('val')).toEqual(
      ['val/b', 'val/deep/er/c', 'more/d'].map((name) => `sets/one/images/${name}.png`),
    );
    expect(await files('test')).toEqual(['sets/one/images/test/e.png']);
    expect((await open(folder, { split: 'val' })).images.every(({ annotations }) => annotations.length === 1)).toBe(
      true,
    );
    expect(await message(folder, { split: 'valid' })).toMatch(/there is no split "valid"; did you mean "val"/);
    expect(await message(folder, { split: 'names' })).toMatch(/there is no split "names"/);
  });

  it('takes a leading ../ off where the folder without it exists, as in exports of Roboflow, and notes it', async () => {
    const files = { 'train/images/a.png': null, 'train/labels/a.txt': '0 .5 .5 .5 .5' };
    const set = await open(await folderOf({ 'data.yaml': `${NAMES}train: ../train/images`, ...files }));
    expect(set.images.map(({ file, annotations }) => [file, annotations.length])).toEqual([['train/images/a.png', 1]]);
    expect(set.report).toEqual([
      {
        file: 'train/images',
        annotation: null,
        action: 'noted',
        why: 'the path "../train/images" leaves the folder, and is read as train/images, which is there',
      },
    ]);
    for (const path of ['../other/images', '../../train/images', '../train/../../x'])
      expect(await message(await folderOf({ 'data.yaml': `${NAMES}train: ${path}`, ...files }))).toMatch(
        /line 2, "train": the path ".*" leaves the folder/,
      );
    // One that stays inside is followed as it is.
    const inside = await open(await folderOf({ 'data.yaml': `${NAMES}path: train\ntrain: ../train/images`, ...files }));
    expect([inside.images.length, inside.report]).toEqual([1, []]);
    const path = await open(await folderOf({ 'data.yaml': `${NAMES}path: ../train\ntrain: images`, ...files }));
    expect([path.images.length, path.report.length]).toEqual([1, 1]);
    for (const up of ['..', '../', './..', './../'])
      expect(
        (await open(await folderOf({ 'data.yaml': `${NAMES}path: ${up}\ntrain: train/images`, ...files }))).report,
      ).toEqual([
        {
          file: 'data.yaml',
          annotation: null,
          action: 'noted',
          why: `the path "${up}" leaves the folder, and is read as ., which is there`,
        },
      ]);
    expect(
      await message(await folderOf({ 'data.yaml': `${NAMES}path: ../..\ntrain: train/images`, ...files })),
    ).toMatch(/line 2, "path": the path "\.\.\/\.\." leaves the folder/);
  });

  it('finds labels where the last folder named images is named labels, or beside the picture', async () => {
    const label = '0 .5 .5 .5 .5';
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: images\nval: plain\ntest: myimages`,
      'images/x/images/a.png': null,
      'images/x/labels/a.txt': label,
      'labels/x/images/a.txt': '1 .5 .5 .1 .1',
      'images/images.png': null,
      'labels/images.txt': label,
      'plain/a.b.png': null,
      'plain/a.b.txt': label,
      'myimages/a.png': null,
      'myimages/a.txt': label,
    });
    for (const [split, count] of [
      ['train', 2],
      ['val', 1],
      ['test', 1],
    ] as const) {
      const { images } = await open(folder, { split });
      expect(images.map(({ annotations }) => annotations.map((one) => one.label))).toEqual(Array(count).fill([0]));
    }
  });

  it('reads lists of paths, which start from the folder of the list', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: lists/train.txt\nval: val.txt`,
      'lists/train.txt': '\ufeff../images/a.png\r\n\r\n..\\images\\b.png\r\n',
      'val.txt': './images/a.png\nimages/a.png\nimages/c.png\n../x/d.png\nhttps://x.org/images/b.png\n',
      'images/a.png': null,
      'images/b.png': null,
      'labels/a.txt': '0 .5 .5 .5 .5',
    });
    const set = await open(folder);
    expect(set.images.map(({ file }) => file)).toEqual(['images/a.png', 'images/b.png']);
    expect(set.report.map(({ file, why }) => [file, why])).toEqual([
      ['images/b.png', expect.stringMatching(/is read as images\/b\.png: folders are parted/)],
    ]);
    const result = await checkDataset({ folder, yolo: 'data.yaml', split: 'val' });
    expect(result.ok ? [] : result.error.findings).toEqual([
      expect.stringMatching(/val\.txt, line 2: images\/a\.png is a picture of .*val\.txt, line 1 already/),
      expect.stringMatching(/val\.txt, line 4: the path "\.\.\/x\/d\.png" leaves the folder/),
      expect.stringMatching(/val\.txt, line 5: ".*" is a URL.*There is images\/b\.png/),
      expect.stringMatching(/val\.txt, line 3: .*c\.png does not exist/),
    ]);
    expect(await message(await folderOf({ 'data.yaml': `${NAMES}train: a.txt`, 'a.txt': '\n' }))).toMatch(
      /a\.txt lists no pictures/,
    );
  });

  it('refuses an absolute path out of the folder, and reads one inside of it', async () => {
    const folder = await one('0 .5 .5 .5 .5');
    await writeFile(
      join(folder, 'data.yaml'),
      `${NAMES}train: ${folder}/images\nval: ${folders.root}\ntest: 'C:\\data\\images'`,
    );
    const set = await open(folder);
    expect([set.images.length, set.report[0]?.why]).toEqual([
      1,
      expect.stringMatching(/absolute path .* read as images/),
    ]);
    expect(await message(folder, { split: 'val' })).toMatch(/leaves the folder/);
    expect(await message(folder, { split: 'test' })).toMatch(/leaves the folder.*There is images/);
  });

  it('notes a label file that belongs to no picture, and two pictures of one label file', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: images`,
      'images/a.png': null,
      'images/a.jpg': null,
      'images/readme.md': 'no picture',
      'labels/a.txt': '0 .5 .5 .5 .5',
      'labels/b.png.txt': '0 .5 .5 .5 .5',
      'labels/classes.txt': 'cat\ndog',
      'labels/README.dataset.txt': 'of an export',
    });
    expect((await open(folder)).report).toEqual([
      {
        file: 'images/a.png',
        annotation: null,
        action: 'noted',
        why: 'its label file labels/a.txt is that of images/a.jpg, too',
      },
      {
        file: 'labels/b.png.txt',
        annotation: null,
        action: 'noted',
        why: expect.stringContaining('no picture') as string,
      },
    ]);
  });

  it('notes a label file with an extension of capitals, which is not that of its picture', async () => {
    const folder = await folderOf({
      'data.yaml': `${NAMES}train: images`,
      'images/a.png': null,
      'images/b.png': null,
      'labels/a.txt': '0 .5 .5 .5 .5',
      'labels/b.TXT': '0 .5 .5 .5 .5',
    });
    expect((await open(folder)).report).toEqual([
      { file: 'labels/b.TXT', annotation: null, action: 'noted', why: 'there is no picture to this label file' },
    ]);
  });

  it('leaves classes out that are not asked for, and puts them in the order that is asked for', async () => {
    const folder = await one('0 .5 .5 .5 .5\n1 .5 .5 .1 .1');
    expect(boxes(await open(folder, { classes: ['dog'] }))).toEqual([['images/a.png', [['dog', 90, 45, 110, 55]]]]);
    const ordered = await yolo({ data: 'data.yaml', split: 'train' }).open({ folder, classes: ['dog', 'cat'] });
    expect(ordered.categories.map(({ name }) => name)).toEqual(['dog', 'cat']);
    await expect(open(folder, { classes: ['cow'] })).rejects.toThrow(/there is no category "cow"/);
  });
});
