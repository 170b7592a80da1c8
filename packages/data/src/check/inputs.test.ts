import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkDataset } from './check.js';
import { checkText } from './check-text.js';

const INPUTS = fileURLToPath(new URL('../../../../../shared/inputs/', import.meta.url));
const skip = existsSync(INPUTS) ? false : `${INPUTS} is not there`;

/** What is to come of each input: `usable`, with what is noted; or part of the message. */
const COCO: Readonly<Record<string, string>> = {
  '01-file-names/backslash-up.json': 'not usable: .*leaves its folder',
  '01-file-names/backslash.json': 'usable: .*noted: the name "images.a.png" is read as images/a.png',
  '01-file-names/case.json': 'not usable: .*There is images/a.png',
  '01-file-names/dot-slash.json': 'usable: .*nothing had to be corrected',
  '01-file-names/doubled.json': 'not usable: .*There is images/a.png',
  '01-file-names/forward.json': 'usable: .*green: 0 boxes.*nothing had to be corrected',
  '01-file-names/local-files.json': 'not usable: .*leaves its folder.*There is images/a.png',
  '01-file-names/space.json': 'usable: .*nothing had to be corrected',
  '01-file-names/unicode.json': 'usable: .*nothing had to be corrected',
  '01-file-names/url-encoded.json': 'not usable: .*There is my photo.png',
  '01-file-names/url.json': 'not usable: .*is a URL.*There is images/a.png',
  '17-many-faults/all-missing.json': 'not usable: all-missing: 4 findings.*3 of 3 .*looks wrong.*2.png.*4.png.*5.png',
  '17-many-faults/bad-annotations.json':
    'not usable: bad-annotations: 8 findings.*annotation 2: "bbox".*annotation 4: category_id.*annotation 5: image_id.*annotation 6: "area".*2.png.*4.png.*5.png.*6.png',
  '17-many-faults/good.json': 'usable: 2 images.*green: 0 boxes.*nothing had to be corrected',
  '17-many-faults/missing-pictures.json':
    'not usable: missing-pictures: 4 findings.*2.png.*4.png.*5.png.*6.png.*no JPEG',
  '17-many-faults/one-missing.json': 'not usable: one-missing: .*2.png does not exist',
  '17-many-faults/orphans.json': 'not usable: orphans: 5 findings',
  '34-no-classes/coco.json': 'not usable: coco: it has no classes',
  '34-no-classes/train.json': 'usable: 2 images',
  '34-no-classes/val-empty.json': 'not usable: val-empty: it has no classes',
  '34-no-classes/val-no-images.json': 'not usable: val-no-images: it has no images',
};

const VOC: Readonly<Record<string, string>> = {
  '14-voc-size/empty': 'usable: .*noted: <size>',
  '14-voc-size/empty-fields': 'usable: .*noted: <size>',
  '14-voc-size/float': 'usable: .*nothing had to be corrected',
  '14-voc-size/none': 'usable: .*nothing had to be corrected',
  '14-voc-size/swapped': 'not usable: swapped-train: .*declare 80x96, but the image has 96x80',
  '14-voc-size/two-sizes': 'not usable: .*<size>: there are 2',
  '14-voc-size/unknown': 'usable: .*noted: <size> says "Unknown" by "Unknown"; the picture has 96x80',
  '14-voc-size/zero': 'usable: .*noted: <size> says "0" by "0"; the picture has 96x80',
  '14-voc-size/zero-depth': 'usable: .*nothing had to be corrected',
  '15-voc-lists/absolute': 'not usable: .*leaves its folder; there is a.xml: .*write a',
  '15-voc-lists/class-list': 'usable: 1 images.*noted: 1 line with a second column',
  '15-voc-lists/class-list-minus': 'usable: 1 images.*1 image that is not in the class .-1. is left out',
  '15-voc-lists/crlf-bom': 'usable: 1 images.*nothing had to be corrected',
  '15-voc-lists/dots-in-name': 'usable: 1 images.*nothing had to be corrected',
  '15-voc-lists/extension': 'usable: 1 images.*noted: 1 line with an extension',
  '15-voc-lists/leading-zeros': 'not usable: .*there is 000012.xml',
  '15-voc-lists/pair': 'usable: 1 images.*noted: 1 line with a picture with its annotation file',
  '15-voc-lists/path': 'usable: 1 images.*noted: 1 line with a folder',
  '15-voc-lists/quoted': 'not usable: .*there is a.xml: .*write a',
  '15-voc-lists/space-in-name': 'usable: 1 images.*nothing had to be corrected',
  '15-voc-lists/subfolder': 'usable: 1 images.*nothing had to be corrected',
  '15-voc-lists/twice': 'not usable: .*"a" stands in line 1',
  '16-voc-pictures/beside-json': 'usable: .*nothing had to be corrected',
  '16-voc-pictures/beside-json-no-filename': 'usable: .*nothing had to be corrected',
  '16-voc-pictures/beside-txt-filename-no-ext': 'usable: .*noted: <filename> says "a"',
  '16-voc-pictures/beside-xml-filename-path': 'usable: .*nothing had to be corrected',
  '16-voc-pictures/bmp': 'usable: 1 images.*nothing had to be corrected',
  '16-voc-pictures/bmp-and-jpg': 'usable: .*nothing had to be corrected',
  '16-voc-pictures/filename-no-ext': 'usable: .*noted: <filename> says "a"',
  '16-voc-pictures/filename-other-case': 'usable: .*noted: <filename> says "a.jpg"',
  '16-voc-pictures/jpg-and-png': 'not usable: .*a.jpg, a.png all have that stem',
  '16-voc-pictures/missing': 'not usable: .*there is no image a',
  '16-voc-pictures/thumbs': 'usable: .*nothing had to be corrected',
  '16-voc-pictures/upper': 'usable: .*nothing had to be corrected',
  '16-voc-pictures/webp': 'usable: .*nothing had to be corrected',
  '34-no-classes/voc': 'not usable: voc-train: it has no classes',
};

describe.skipIf(skip)(`the inputs that people have${skip === false ? '' : ` (skipped: ${skip})`}`, () => {
  it.each(Object.entries(COCO))('%s', async (file, expected) => {
    const images = `${file.replace(/\/.*/, '')}/img`;
    const text = checkText(await checkDataset({ folder: INPUTS, coco: file, images }));
    expect(text).toMatch(new RegExp(`^${expected}`, 's'));
  });

  it.each(Object.entries(VOC))('%s', async (voc, expected) => {
    const text = checkText(await checkDataset({ folder: INPUTS, voc, split: 'train' }));
    expect(text).toMatch(new RegExp(`^${expected}`, 's'));
  });

  it('are all named here', () => {
    const entries = (folder: string, wanted: (name: string) => boolean): string[] =>
      readdirSync(`${INPUTS}${folder}`)
        .filter(wanted)
        .map((name) => `${folder}/${name}`);
    const files = ['01-file-names', '17-many-faults', '34-no-classes'].flatMap((folder) =>
      entries(folder, (name) => name.endsWith('.json') && !name.startsWith('config')),
    );
    const folders = ['14-voc-size', '15-voc-lists', '16-voc-pictures'].flatMap((folder) =>
      entries(folder, (name) => name !== 'README'),
    );
    expect(Object.keys(COCO).sort()).toEqual(files.sort());
    expect(Object.keys(VOC).sort()).toEqual([...folders, '34-no-classes/voc'].sort());
  });
});
