import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
