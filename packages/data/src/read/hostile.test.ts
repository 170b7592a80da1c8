import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDataset } from '../check/check.js';
import { readImage } from '../decode/decode.js';

let folder: string;
const file = (...parts: string[]): string => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-hostile-'));
  for (const name of ['img', 'voc/Annotations', 'voc/ImageSets/Main', 'voc/JPEGImages'])
    await mkdir(file(name), { recursive: true });
  execFileSync('mkfifo', [file('fifo')]);
});
afterAll(() => rm(folder, { recursive: true }));

const message = async (options: object): Promise<string> => {
  const result = await checkDataset({ folder, ...options });
  return result.ok ? 'usable' : result.error.message;
};
const instances = (changes: object, bbox = '[1,1,5,5]'): string =>
  JSON.stringify({
    images: [{ id: 1, file_name: 'a.png', width: 20, height: 10 }],
    categories: [{ id: 1, name: 'cat' }],
    annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: 'BBOX' }],
    ...changes,
  }).replace('"BBOX"', bbox);

describe('what is no file is refused at once:', () => {
  it('FIFOs, folders and devices as annotations, lists and images', async () => {
    expect(await message({ coco: 'fifo', images: 'img' })).toMatch(/fifo cannot be read: it is a FIFO/);
    expect(await message({ coco: 'img', images: 'img' })).toMatch(/img cannot be read: it is a folder/);
    execFileSync('mkfifo', [file('img/a.png')]);
    await writeFile(file('x.json'), instances({}));
    expect(await message({ coco: 'x.json', images: 'img' })).toMatch(/a\.png cannot be used: it is a FIFO/);
    await expect(readImage('/dev/zero', { declared: null, maxPixels: 100 })).rejects.toThrow(/it is a device/);
    execFileSync('mkfifo', [file('voc/ImageSets/Main/train.txt')]);
    expect(await message({ voc: 'voc', split: 'train' })).toMatch(/train\.txt cannot be read: it is a FIFO/);
    execFileSync('mkfifo', [file('voc/Annotations/a.xml')]);
    await writeFile(file('voc/ImageSets/Main/val.txt'), 'a');
    expect(await message({ voc: 'voc', split: 'val' })).toMatch(/a\.xml cannot be read: it is a FIFO/);
  });
});

describe('of YOLO, LabelMe and CSV, too', () => {
  const YAML = 'names: [cat]\ntrain: img\n';
  const set = async (name: string, files: Readonly<Record<string, string>>): Promise<void> => {
    await mkdir(file(name, 'img'), { recursive: true });
    for (const [path, content] of Object.entries(files)) await writeFile(file(name, path), content);
  };

  it.each([
    ['data.yaml', 'yolo', /data\.yaml cannot be read: it is a FIFO/],
    ['list.txt', 'yolo', /list\.txt cannot be read: it is a FIFO/],
    ['img/a.txt', 'yolo', /a\.txt cannot be read: it is a FIFO/],
    ['img/a.png', 'yolo', /"train": .*a\.png cannot be used: it is a FIFO/],
    ['img/a.json', 'labelme', /a\.json cannot be read: it is a FIFO/],
    ['boxes.csv', 'csv', /boxes\.csv cannot be read: it is a FIFO/],
    ['classes.csv', 'csv', /classes\.csv cannot be read: it is a FIFO/],
  ])('a FIFO as %s', async (name, form, expected) => {
    const at = `fifo-${form}-${name.replace('/', '-')}`;
    await set(at, {
      'data.yaml': name === 'list.txt' ? YAML.replace('img', 'list.txt') : YAML,
      'img/a.png': '',
      'img/a.json': '{}',
      'boxes.csv': 'img/a.png,1,1,2,2,cat',
    });
    await rm(file(at, name), { force: true });
    execFileSync('mkfifo', [file(at, name)]);
    const forms: Readonly<Record<string, object>> = {
      yolo: { yolo: `${at}/data.yaml` },
      labelme: { labelme: `${at}/img` },
      csv: { csv: `${at}/boxes.csv`, classes: `${at}/classes.csv` },
    };
    expect(await message(forms[form]!)).toMatch(expected);
  });

  it('no control character of a name reaches a message', async () => {
    const odd = '\u001b[2J\r\u2028';
    await set('odd', {
      'data.yaml': `names: ["${odd.replace('\u001b', '\\e').replace('\r', '\\r').replace('\u2028', '\\L')}"]\ntrain: img`,
      [`img/a${odd}.png`]: '',
      [`img/a${odd}.txt`]: `${odd} .5 .5 .5 .5`,
      [`img/b${odd}.json`]: JSON.stringify({ shapes: [{ label: odd, points: 1 }], imagePath: `../${odd}` }),
      'boxes.csv': `"a${odd}.png","x${odd}",1,2,2,"${odd}"`,
    });
    for (const form of [{ yolo: 'odd/data.yaml' }, { labelme: 'odd/img' }, { csv: 'odd/boxes.csv' }]) {
      const said = await message(form);
      expect(said).toContain('\\u001b');
      expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u2028]/);
    }
  });

  it('names of the prototype of objects are class names', async () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    await set('names', {
      'data.yaml': `names: [${names.join(', ')}]\ntrain: img\nconstructor: x`,
      'img/a.txt': names.map((_, i) => `${i} .5 .5 .5 .5`).join('\n'),
      'img/a.json': JSON.stringify({
        shapes: names.map((label) => ({
          label,
          points: [
            [1, 1],
            [5, 1],
            [5, 5],
          ],
        })),
        imagePath: 'a.png',
      }),
      'boxes.csv': names.map((name) => `img/a.png,1,1,5,5,${name}`).join('\n'),
    });
    await writeFile(file('names/img/a.png'), png);
    for (const form of [{ yolo: 'names/data.yaml' }, { labelme: 'names/img' }, { csv: 'names/boxes.csv' }])
      expect(await checkDataset({ folder, ...form })).toMatchObject({ ok: true, classes: names, images: [{ names }] });
    expect(await message({ yolo: 'names/data.yaml', split: 'toString' })).toMatch(/there is no split "toString"/);
  });
});

describe('no stack overflows', () => {
  const deep = '['.repeat(500_000) + ']'.repeat(500_000);
  const long = JSON.stringify('\\"'.repeat(3_000_000));

  it.each([
    ['a box nested deep', instances({}, deep), /annotation 1: "bbox" .* nested too deep/],
    ['a long text, and malformed', instances({ info: 'x' }, '[1,,]').replace('"x"', () => long), /not valid JSON/],
    ['a long text, and NaN', instances({ info: 'x' }, '[1,1,5,NaN]').replace('"x"', () => long), /\[1,1,5,"NaN"\]/],
    ['a long text as a box', instances({}, long), /annotation 1: "bbox".{0,200}$/m],
  ])('over %s', async (_, content, expected) => {
    await writeFile(file('deep.json'), content);
    expect(await message({ coco: 'deep.json', images: 'img' })).toMatch(expected);
  });

  it('over tags nested deep', async () => {
    await writeFile(
      file('voc/Annotations/deep.xml'),
      `<annotation>${'<a>'.repeat(500_000)}${'</a>'.repeat(500_000)}</annotation>`,
    );
    await writeFile(file('voc/ImageSets/Main/deep.txt'), 'deep');
    expect(await message({ voc: 'voc', split: 'deep' })).toMatch(/deep\.xml, line 1: not well-formed XML: .*nested/i);
  });
});

it('takes names of the prototype of objects as class names', async () => {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQImWP4z8AAQVDqPwMDAEHSBfsYFwTiAAAAAElFTkSuQmCC',
    'base64',
  );
  await writeFile(file('img/p.png'), png);
  const names = ['toString', 'constructor', '__proto__'];
  await writeFile(
    file('names.json'),
    JSON.stringify({
      images: [{ id: 1, file_name: 'p.png' }],
      categories: names.map((name, i) => ({ id: i + 1, name })),
      annotations: names.map((_, i) => ({ id: i + 1, image_id: 1, category_id: i + 1, bbox: [0, 0, 2, 1] })),
    }),
  );
  expect(await checkDataset({ folder, coco: 'names.json', images: 'img' })).toMatchObject({
    ok: true,
    classes: names,
    images: [{ names }],
  });
});
