import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { voc } from './voc.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kd-split-'));
});
afterEach(() => rm(root, { recursive: true }));

const write = async (path: string, content: string | Buffer): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};
const picture = () =>
  sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .png()
    .toBuffer();

describe('reads split lines of other tools, and notes each kind once:', () => {
  const line = async (text: string, stem = 'a') => {
    for (const name of ['a', 'b', stem]) {
      await write(`JPEGImages/${name}.png`, await picture());
      await write(`Annotations/${name}.xml`, '<annotation></annotation>');
    }
    await write('ImageSets/Main/odd.txt', text);
    const { images, report } = await voc({ root: '.', split: 'odd' }).open({ folder: root });
    return [images.map(({ id }) => id), ...report.map(({ file, action, why }) => `${file} ${action}: ${why}`)];
  };
  const list = 'ImageSets/Main/odd.txt noted:';

  it.each([
    ['an extension', 'a.png\nb.PNG', [['a', 'b'], `${list} 2 lines with an extension: "a.png", read as a`]],
    ['a folder', './JPEGImages/a.png', [['a'], `${list} 1 line with a folder: "./JPEGImages/a.png", read as a`]],
    ['backslashes', 'VOC\\Annotations\\a.xml', [['a'], expect.stringContaining('with a folder') as string]],
    [
      'a pair',
      'JPEGImages/a.png Annotations/a.xml',
      [['a'], expect.stringContaining('a picture with its annotation file') as string],
    ],
    [
      'a list of one class',
      'a  1\nb -1\n',
      [
        ['a'],
        `${list} 2 lines with a second column: "a  1", read as a; it is VOC's list of one class, and 1 image that is not in the class (-1) is left out`,
      ],
    ],
  ])('%s', async (_, text, result) => {
    expect(await line(text)).toEqual(result);
  });

  it('an absolute path of this folder, and names with dots, blanks and numbers as they are', async () => {
    expect((await line(join(root, 'JPEGImages/a.png')))[0]).toEqual(['a']);
    for (const stem of ['v1.2.frame', 'my photo 1', 'photo.png']) expect(await line(stem, stem)).toEqual([[stem]]);
  });

  it.each([
    [
      'another place',
      '/data/VOC/JPEGImages/a.png',
      /odd\.txt, line 1: .*leaves its folder; there is a\.xml: .*write a\./,
    ],
    ['cut zeros', '12', /odd\.txt, line 1: .*there is 000012\.xml: .*write 000012\./],
    ['quotes', '"a"', /odd\.txt, line 1: .*there is a\.xml: .*write a\./],
    ['another case', 'A', /odd\.txt, line 1: .*there is a\.xml/],
    ['the same image twice', 'a\na.png', /line 2: "a\.png" stands in line 1/],
    ['a class list of an image that is not there', 'zz  1', /annotation file .*Annotations\/zz\.xml/],
    ['a list of which none is in the class', 'a -1', /list of one class, and no image/],
  ])('but refuses %s', async (_, text, message) => {
    await expect(line(text, '000012')).rejects.toThrow(message);
  });
});
