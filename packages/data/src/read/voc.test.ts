import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { voc, type VocOptions } from './voc.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kd-voc-'));
});
afterEach(() => rm(root, { recursive: true }));

const write = async (path: string, content: string | Buffer): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};
const picture = (width = 100, height = 80) =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
const bndbox = (corners: string) =>
  `<bndbox>${corners
    .split(' ')
    .map((v, i) => {
      const key = ['xmin', 'ymin', 'xmax', 'ymax'][i]!;
      return `<${key}>${v}</${key}>`;
    })
    .join('')}</bndbox>`;
const object = (name: string, corners: string, more = '') =>
  `<object><name>${name}</name>${more}${bndbox(corners)}</object>`;
const size = '<size><width>100</width><height>80</height><depth>3</depth></size>';

const open = async (
  body: string,
  options: Partial<VocOptions> = {},
  annotation = `<annotation>${body}</annotation>`,
) => {
  await write('JPEGImages/a.png', await picture());
  await write('Annotations/a.xml', annotation);
  await write('ImageSets/Main/train.txt', 'a\n');
  return voc({ root: '.', split: 'train', ...options }).open({ folder: root });
};

describe('voc', () => {
  it('makes 1-based inclusive corners 0-based and continuous, whatever the order, with fractions, escapes and CDATA', async () => {
    const { images, categories, report } = await open(
      `<!-- c -->${object('b &amp; c', '1 1 100 80')}${size}<object>${bndbox('11.5 21 30.25 40')}<part><name>head</name>${bndbox('1 1 2 2')}</part><name><![CDATA[a<]]></name><difficult>1</difficult></object>`,
    );
    expect(categories).toEqual([
      { id: 1, name: 'a<' },
      { id: 2, name: 'b & c' },
    ]);
    expect(images).toEqual([
      {
        id: 'a',
        file: 'a.png',
        width: 100,
        height: 80,
        annotations: [
          { id: 1, box: [0, 0, 100, 80], label: 1, area: 8000, ignore: false },
          { id: 2, box: [10.5, 20, 30.25, 40], label: 0, area: 395, ignore: true },
        ],
      },
    ]);
    expect(report).toEqual([]);
  });

  it('keeps difficult objects where that is wanted', async () => {
    const { images } = await open(size + object('a', '1 1 5 5', '<difficult>1</difficult>'), { difficult: 'keep' });
    expect(images[0]!.annotations[0]!.ignore).toBe(false);
  });

  it('takes the labels from the classes given', async () => {
    const { categories, images } = await open(size + object('a', '1 1 5 5'), { classes: ['z', 'a'] });
    expect(categories).toEqual([
      { id: 1, name: 'z' },
      { id: 2, name: 'a' },
    ]);
    expect(images[0]!.annotations[0]!.label).toBe(1);
    await expect(open(size + object('aple', '1 1 5 5'), { classes: ['apple'] })).rejects.toThrow(
      /a\.xml: object 1, <name>: .*"aple".*did you mean "apple"/,
    );
    await expect(open(size, { classes: ['a', 'a'] })).rejects.toThrow(/listed twice/);
  });

  it('takes the labels of the training data where it has no list of its own', async () => {
    await open(size + object('b', '1 1 5 5'));
    const opened = async (classes: readonly string[]) =>
      (await voc({ root: '.', split: 'train' }).open({ folder: root, classes })).categories.map(({ name }) => name);
    expect(await opened(['c', 'b', 'a'])).toEqual(['c', 'b', 'a']);
    expect(await opened(['c'])).toEqual(['c', 'b']);
  });

  it('takes a missing size from the image, and keeps images without objects', async () => {
    const { images } = await open('');
    expect(images).toEqual([{ id: 'a', file: 'a.png', width: 100, height: 80, annotations: [] }]);
  });

  it.each(['0|80', 'Unknown|Unknown', '|', '-3|80', '10.5|80'])(
    'takes the size from the image, and notes it, where <size> says %s',
    async (sides) => {
      const [width, height] = sides.split('|');
      const { images, report } = await open(`<size><width>${width}</width><height>${height}</height></size>`);
      expect(images[0]).toMatchObject({ width: 100, height: 80 });
      expect(report).toEqual([
        {
          file: 'a.png',
          annotation: null,
          action: 'noted',
          why: `<size> says "${width}" by "${height}"; the picture has 100x80`,
        },
      ]);
    },
  );

  it('notes a filename with another extension', async () => {
    const { report, images } = await open(`<filename>a.jpg</filename>${size}`);
    expect(images[0]!.file).toBe('a.png');
    expect(report).toEqual([
      { file: 'a.png', annotation: null, action: 'noted', why: expect.stringContaining('a.jpg') as string },
    ]);
    await expect(open(`<filename>a.jpg</filename>${size}`, { strict: true })).rejects.toThrow(/1 finding/);
  });

  it('drops swapped corners and boxes without size, clips overhang, and refuses both when strict', async () => {
    const body =
      size +
      object('a', '30 10 20 40') +
      object('a', '5 5 5 5') +
      object('a', '0 1 101 90') +
      object('a', '101 1 110 5');
    const { report, images } = await open(body);
    expect(report.map(({ file, annotation, action }) => [file, annotation, action])).toEqual([
      ['a.png', 1, 'dropped'],
      ['a.png', 2, 'dropped'],
      ['a.png', 3, 'clipped'],
      ['a.png', 4, 'dropped'],
    ]);
    expect(images[0]!.annotations).toEqual([{ id: 3, box: [0, 0, 100, 80], label: 0, area: 8000, ignore: false }]);
    await expect(open(body, { strict: true })).rejects.toThrow(/4 findings/);
  });

  it.each([
    ['no bndbox', '<object><name>a</name></object>', /a\.xml: object 1 \(a\): it has no <bndbox>/],
    [
      'a missing corner',
      '<object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax></bndbox></object>',
      /a\.xml: object 1 \(a\), <ymax>: .*missing/,
    ],
    ['a corner with a unit', object('a', '1 1 9px 5'), /<xmax>: "9px"/],
    ['an empty corner', object('a', '1 1  5'), /<xmax>: ""/],
    ['NaN', object('a', '1 1 NaN 5'), /<xmax>: "NaN"/],
    ['infinity', object('a', '1 1 1e999 5'), /<xmax>: "1e999"/],
    [
      'a missing name',
      `${object('a', '1 1 5 5')}<object>${bndbox('1 1 5 5')}</object>`,
      /a\.xml: object 2, <name>: .*missing/,
    ],
    ['an empty name', object(' ', '1 1 5 5'), /object 1, <name>: .*empty/],
    ['two boxes', `<object><name>a</name>${bndbox('1 1 5 5')}${bndbox('1 1 5 5')}</object>`, /<bndbox>: there are 2/],
    ['an odd difficult', object('a', '1 1 5 5', '<difficult>maybe</difficult>'), /<difficult>/],
    ['crossed tags', '<object><name>a</object></name>', /a\.xml, line 1/],
  ])('refuses %s', async (_, body, message) => {
    await expect(open(body)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses another root', async () => {
    await expect(open('', {}, '<annotations/>')).rejects.toThrow(/a\.xml: <annotations>/);
  });

  it('reads split files as people write them', async () => {
    await write('ImageSets/Main/val.txt', '\ufeffa \r\n\r\n\tsub/b\t\r\n  \r\nc');
    for (const stem of ['a', 'sub/b', 'c']) {
      await write(`JPEGImages/${stem}.png`, await picture());
      await write(`Annotations/${stem}.xml`, `<annotation>${size}</annotation>`);
    }
    const { images } = await voc({ root: '.', split: 'val' }).open({ folder: root });
    expect(images.map(({ id, file }) => [id, file])).toEqual([
      ['a', 'a.png'],
      ['sub/b', 'sub/b.png'],
      ['c', 'c.png'],
    ]);
  });

  it('takes the folders of pictures and annotations by other names', async () => {
    await write('images/a.png', await picture());
    await write('labels/xml/a.xml', `<annotation>${size}</annotation>`);
    await write('ImageSets/Main/train.txt', 'images/a.png\n');
    const names = { images: 'images', annotations: 'labels/xml' };
    const dataset = await voc({ root: '.', split: 'train', ...names }).open({ folder: root });
    expect((await dataset.readImage(dataset.images[0]!)).width).toBe(100);
    await expect(voc({ root: '.', split: 'train' }).open({ folder: root })).rejects.toThrow(/Annotations/);
  });

  it('tells every fault of all files, and goes on where somebody takes them', async () => {
    const body = `${size}<object><name>a</name></object>${object('a', '1 1 9px 5')}${object('a', '1 1 5 5')}`;
    await expect(open(body)).rejects.toThrow(/^train: 2 findings:/);
    await write('ImageSets/Main/many.txt', 'none\na\na\n');
    const read = (tell?: (fault: Error) => void) =>
      voc({ root: '.', split: 'many' }).open({ folder: root, ...(tell === undefined ? {} : { tell }) });
    await expect(read()).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(
        /^many: 4 findings:\n.*line 1: .*none\.xml.*\n.*line 3: .*\n.*object 1 .*bndbox.*\n.*object 2 .*"9px"/,
      ) as string,
    });
    const told: string[] = [];
    const { images } = await read(({ message }) => void told.push(message));
    expect(told).toHaveLength(4);
    expect(images[0]!.annotations.map(({ box }) => box)).toEqual([[0, 0, 5, 5]]);
  });

  describe('of several years', () => {
    const year = async (folder: string, split: string, stems: readonly string[], width = 100) => {
      await write(`${folder}/ImageSets/Main/${split}.txt`, stems.map((stem) => `${stem}\n`).join(''));
      for (const stem of stems) {
        await write(`${folder}/JPEGImages/${stem}.png`, await picture(width));
        await write(
          `${folder}/Annotations/${stem}.xml`,
          `<annotation><size><width>${width}</width><height>80</height><depth>3</depth></size>${object('cat', '0 1 20 20')}${object('dog', '1 1 20 20', '<difficult>1</difficult>')}</annotation>`,
        );
      }
    };
    const sets = [
      { root: 'VOC2007', split: 'trainval' },
      { root: 'VOC2012', split: 'trainval' },
    ];
    beforeEach(async () => {
      await year('VOC2007', 'trainval', ['000005', '000007']);
      await year('VOC2012', 'trainval', ['2008_000008', '000005'], 60);
    });

    it('is one data set: ids unique, files found in their own year, the classes together', async () => {
      const dataset = await voc({ sets, classes: 'voc' }).open({ folder: root });
      expect(dataset.name).toBe('VOC2007-trainval+VOC2012-trainval');
      expect(dataset.categories).toHaveLength(20);
      expect([dataset.categories[0], dataset.categories[19]]).toEqual([
        { id: 1, name: 'aeroplane' },
        { id: 20, name: 'tvmonitor' },
      ]);
      expect(dataset.images.map(({ id, file }) => [id, file])).toEqual([
        ['VOC2007/000005', 'VOC2007/000005.png'],
        ['VOC2007/000007', 'VOC2007/000007.png'],
        ['VOC2012/2008_000008', 'VOC2012/2008_000008.png'],
        ['VOC2012/000005', 'VOC2012/000005.png'],
      ]);
      const annotations = dataset.images.flatMap((image) => image.annotations);
      expect(annotations.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(annotations.slice(0, 2)).toMatchObject([
        { label: 7, ignore: false },
        { label: 11, ignore: true },
      ]);
      expect(dataset.report[0]).toMatchObject({ file: 'VOC2007/000005.png', action: 'clipped' });
      for (const record of dataset.images) expect((await dataset.readImage(record)).width).toBe(record.width);
      const loader = dataset.loader({
        input: { minSize: [80], maxSize: 200, fixedSize: null, mean: [0, 0, 0], std: [1, 1, 1], sizeDivisible: 1 },
        batchSize: 4,
        training: false,
        shuffle: false,
        dropLast: false,
        seed: 0,
        augment: [],
        workers: 1,
        onBadImage: 'error',
      });
      // A difficult object is no target.
      for await (const batch of loader.epoch(0))
        expect([batch.originalSizes.map(([, width]) => width), [...batch.labels], [...batch.mask]]).toEqual([
          [100, 100, 60, 60],
          [7, 7, 7, 7],
          [1, 1, 1, 1],
        ]);
      await loader.close();
    });

    it('takes folders of one name by the folders above them, and several splits of one folder', async () => {
      await year('old/VOC', 'train', ['a']);
      await year('new/VOC', 'train', ['a']);
      await year('new/VOC', 'val', ['b']);
      const { images } = await voc({
        sets: [
          { root: 'old/VOC/', split: 'train' },
          { root: 'new/VOC', split: 'train' },
          { root: 'new/VOC', split: 'val' },
        ],
      }).open({ folder: root });
      expect(images.map(({ id }) => id)).toEqual(['old/VOC/a', 'new/VOC/a', 'new/VOC/b']);
    });

    it('refuses an image that is in two sets, and sets that are none', async () => {
      await year('VOC2007', 'train', ['000005']);
      await expect(
        voc({ sets: [...sets, { root: 'VOC2007', split: 'train' }] }).open({ folder: root }),
      ).rejects.toMatchObject({
        code: 'DATA_INVALID',
        message: expect.stringContaining('the image VOC2007/000005 is in two of the sets') as string,
      });
      await expect(
        voc({ sets: [sets[0]!, { root: 'VOC2011', split: 'trainval' }] }).open({ folder: root }),
      ).rejects.toThrow(/VOC2011.*trainval\.txt does not exist/);
      for (const options of [{ sets: [] }, { sets, root: 'VOC2007', split: 'trainval' }, { root: 'VOC2007' }, {}])
        expect(() => voc(options as VocOptions)).toThrow(/give root and split, or sets/);
    });

    it('refuses findings of any year when strict, naming the splits', async () => {
      await expect(voc({ sets, strict: true }).open({ folder: root })).rejects.toThrow(
        /VOC2007.*trainval\.txt, .*VOC2012.*trainval\.txt: 4 findings/,
      );
    });
  });

  it('refuses a missing split, XML or image, a doubled line and a path that leaves the folder', async () => {
    await open(size);
    const read = (split: string) => voc({ root: '.', split }).open({ folder: root });
    await expect(read('none')).rejects.toThrow(/none\.txt does not exist/);
    await expect(read('../Main/train')).rejects.toThrow(/leaves its folder/);
    await write('ImageSets/Main/x.txt', 'a\nb\n');
    await expect(read('x')).rejects.toThrow(/x\.txt, line 2: .*b\.xml/);
    await write('Annotations/b.xml', `<annotation>${size}</annotation>`);
    await expect(read('x')).rejects.toThrow(/b\.xml: there is no image b\.\*/);
    await write('ImageSets/Main/y.txt', 'a\na\n');
    await expect(read('y')).rejects.toThrow(/line 2: "a" stands in line 1/);
    await write('ImageSets/Main/z.txt', '../a\n');
    await expect(read('z')).rejects.toThrow(/z\.txt, line 1: .*leaves its folder/);
    await write('ImageSets/Main/empty.txt', '\n');
    await expect(read('empty')).rejects.toThrow(/lists no images/);
  });

  it('chooses among images of one stem by filename, or refuses', async () => {
    await write('JPEGImages/a.webp', await picture());
    await expect(open(size)).rejects.toThrow(/a\.png, a\.webp all have that stem/);
    expect((await open(`<filename>a.webp</filename>${size}`)).images[0]!.file).toBe('a.webp');
    expect((await open(`<filename>C:\\x\\A.WEBP</filename>${size}`)).images[0]!.file).toBe('a.webp');
  });

  it('takes the picture where files of labelling tools lie beside it', async () => {
    for (const name of ['a.json', 'a.txt', 'a.xml']) await write(`JPEGImages/${name}`, '{}');
    expect((await open(`<filename>a</filename>${size}`)).images[0]!.file).toBe('a.png');
  });

  it('refuses an annotation file that is a link out of the folder', async () => {
    await open(size);
    const outside = await mkdtemp(join(tmpdir(), 'kd-out-'));
    await writeFile(join(outside, 'b.xml'), `<annotation>${size}</annotation>`);
    await symlink(join(outside, 'b.xml'), join(root, 'Annotations/b.xml'));
    await write('ImageSets/Main/l.txt', 'b\n');
    await expect(voc({ root: '.', split: 'l' }).open({ folder: root })).rejects.toThrow(/leaves the folder/);
    await rm(outside, { recursive: true });
  });
});
