import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coco, type CocoOptions } from './coco.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-coco-'));
  const png = await sharp({ create: { width: 10, height: 10, channels: 3, background: '#123' } })
    .png()
    .toBuffer();
  for (const place of ['one', 'two', 'far/one']) {
    await mkdir(join(folder, place), { recursive: true });
    for (const name of ['a.png', 'b.png', 'c.png']) await writeFile(join(folder, place, name), png);
  }
});
afterAll(() => rm(folder, { recursive: true }));

type Picture = readonly [id: number | string, file: string];
type Category = readonly [id: number, name: string];

/** Writes an instances file whose annotations are of one box each: [id, image, category]. */
const write = (
  name: string,
  images: readonly Picture[],
  categories: readonly Category[],
  annotations: readonly (readonly [number, number | string, number])[],
) =>
  writeFile(
    join(folder, name),
    JSON.stringify({
      images: images.map(([id, file_name]) => ({ id, file_name, width: 10, height: 10 })),
      categories: categories.map(([id, name]) => ({ id, name })),
      annotations: annotations.map(([id, image_id, category_id]) => ({
        id,
        image_id,
        category_id,
        bbox: [1, 1, 4, 4],
      })),
    }),
  );
const open = (options: Partial<CocoOptions> = {}) =>
  coco({ annotations: ['a.json', 'b.json'], images: 'one', ...options }).open({ folder });
const boxesOf = ({ images }: Awaited<ReturnType<typeof open>>) =>
  images.map(({ id, file, annotations }) => [id, file, annotations.map(({ id, label }) => [id, label])]);

const both: readonly Category[] = [
  [1, 'cat'],
  [2, 'dog'],
];

describe('several COCO files as one set', () => {
  it('keeps ids that differ and matches categories by name', async () => {
    await write('a.json', [[4, 'a.png']], both, [[7, 4, 2]]);
    await write(
      'b.json',
      [[3, 'b.png']],
      [
        [1, 'dog'],
        [9, 'cat'],
      ],
      [[8, 3, 1]],
    );
    const dataset = await open();
    expect(dataset.name).toBe('a+b');
    expect(dataset.categories).toEqual([
      { id: 1, name: 'cat' },
      { id: 2, name: 'dog' },
    ]);
    expect(boxesOf(dataset)).toEqual([
      [4, 'a.png', [[7, 1]]],
      [3, 'b.png', [[8, 1]]],
    ]);
    expect(dataset.report).toEqual([]);
    expect((await dataset.readImage(dataset.images[1]!)).width).toBe(10);
  });

  it('counts ids anew where they clash, in the order of the files and of their ids', async () => {
    await write(
      'a.json',
      [
        [20, 'a.png'],
        [3, 'b.png'],
      ],
      both,
      [
        [5, 20, 1],
        [2, 3, 2],
      ],
    );
    await write('b.json', [[3, 'c.png']], both, [[2, 3, 1]]);
    expect(boxesOf(await open())).toEqual([
      [2, 'a.png', [[2, 0]]],
      [1, 'b.png', [[1, 1]]],
      [3, 'c.png', [[3, 0]]],
    ]);
  });

  it('tells the pictures of several folders apart by the names of these', async () => {
    await write('a.json', [[1, 'a.png']], both, [[1, 1, 1]]);
    await write('b.json', [[2, 'a.png']], both, [[1, 2, 1]]);
    const near = await open({ images: ['one/', './two'] });
    expect(near.images.map(({ file }) => file)).toEqual(['one/a.png', 'two/a.png']);
    const far = await open({ images: ['one', 'far/one'] });
    expect(far.images.map(({ file }) => file)).toEqual([`${basename(folder)}/one/a.png`, 'far/one/a.png']);
    for (const dataset of [near, far]) {
      expect(await dataset.missing!()).toEqual([]);
      for (const record of dataset.images) expect((await dataset.readImage(record)).height).toBe(10);
    }
  });

  it('refuses a picture that two files have, in whatever spelling', async () => {
    await write('a.json', [[1, 'a.png']], both, []);
    await symlink(join(folder, 'one'), join(folder, 'link'));
    for (const [file, images] of [
      ['a.png', 'one'],
      ['./a.png', 'one'],
      [join(folder, 'one/a.png'), 'one'],
      ['a.png', ['one', './one/']],
      ['a.png', ['one', 'link']],
    ] as const) {
      await write('b.json', [[2, file]], both, []);
      await expect(open({ images })).rejects.toMatchObject({
        code: 'DATA_INVALID',
        message: expect.stringMatching(/b\.json: image 2: the picture \S*a\.png is in \S*a\.json, too/) as string,
      });
    }
  });

  it('refuses a picture that two files have by a link, in other case, or by other code points of its letters', async () => {
    const [whole, apart] = ['é.png', 'é.png'].map((name, i) => name.normalize(i === 0 ? 'NFC' : 'NFD'));
    await symlink(join(folder, 'one/a.png'), join(folder, 'one/linked.png'));
    await symlink(join(folder, 'one'), join(folder, 'one/sub'));
    await copyFile(join(folder, 'one/a.png'), join(folder, 'one', whole!));
    for (const [a, b, as] of [
      ['a.png', 'linked.png', 'a.png'],
      ['sub/a.png', 'a.png', 'sub/a.png'],
      ['a.png', 'SUB/A.PNG', 'a.png'],
      [whole!, apart!, null],
      [apart!, whole!, null],
    ] as const) {
      await write('a.json', [[1, a]], both, []);
      await write('b.json', [[2, b]], both, []);
      const too = new RegExp(
        `b\\.json: image 2: the picture .* is in \\S*a\\.json, too${as === null ? '' : `, as ${as}`}; leave`,
      );
      await expect(open({ images: 'one' }), `${a} ${b}`).rejects.toThrow(too);
    }
    await write('a.json', [[1, 'a.png']], both, []);
    await write('b.json', [[2, whole!]], both, []);
    expect((await open({ images: 'one' })).images).toHaveLength(2);
  });

  it('refuses category lists that differ, unless classes says which are meant', async () => {
    await write('a.json', [[1, 'a.png']], both, [[1, 1, 2]]);
    await write(
      'b.json',
      [[2, 'b.png']],
      [
        [1, 'dog'],
        [2, 'bird'],
      ],
      [
        [2, 2, 1],
        [3, 2, 2],
      ],
    );
    await expect(open()).rejects.toThrow(/only \S*a\.json has "cat"; only \S*b\.json has "bird".*`classes`/);
    const dogs = await open({ classes: ['dog'] });
    expect(dogs.categories).toEqual([{ id: 2, name: 'dog' }]);
    expect(boxesOf(dogs).map(([, , boxes]) => boxes)).toEqual([[[1, 0]], [[2, 0]]]);
    expect(dogs.report).toEqual([]);
    const all = await open({ classes: ['bird', 'dog'] });
    expect(all.categories).toEqual([
      { id: 1, name: 'bird' }, // 2 is the dog of the first file
      { id: 2, name: 'dog' },
    ]);
    expect(boxesOf(all).map(([, , boxes]) => boxes)).toEqual([
      [[1, 1]],
      [
        [2, 1],
        [3, 0],
      ],
    ]);
    expect(all.report).toMatchObject([{ file: join(folder, 'a.json'), why: expect.stringContaining('"bird"') }]);
    await expect(open({ classes: ['fish'] })).rejects.toThrow(/no category "fish"/);
  });

  it('names the file of a fault, gathers those of all, and refuses lists that do not fit', async () => {
    await write('a.json', [[1, 'a.png']], both, [[1, 9, 1]]);
    await write('b.json', [[2, 'b.png']], both, [[2, 2, 7]]);
    await expect(open()).rejects.toThrow(/a\.json: annotation 1: image_id 9.*b\.json: annotation 2: category_id 7/s);
    await expect(open({ images: ['one', 'two', 'far'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(open({ annotations: ['a.json', './a.json'] })).rejects.toThrow(/a\.json are listed twice/);
    expect(() => coco({ annotations: [], images: 'one' })).toThrow(/must name at least one/);
  });
});
