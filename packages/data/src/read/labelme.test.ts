import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Content, type Folders, temporaryFolders, turnedJpeg } from '../../test/folders.js';
import { checkDataset } from '../check/check.js';
import type { ReadDataset } from '../dataset.js';
import { labelme, type LabelmeOptions } from './labelme.js';

let folders: Folders;
beforeAll(async () => void (folders = await temporaryFolders()));
afterAll(() => folders.remove());
const folderOf = (files: Readonly<Record<string, Content>>): Promise<string> => folders.make(files);

const shape = (label: unknown, points: unknown, shape_type: unknown = 'rectangle') => ({ label, points, shape_type });
const json = (shapes: unknown[], changes: object = {}) => ({
  version: '5.4.1',
  flags: {},
  shapes,
  imagePath: 'a.png',
  imageData: null,
  imageHeight: 100,
  imageWidth: 200,
  ...changes,
});
/** One picture with these shapes. */
const one = (shapes: unknown[], changes: object = {}) => folderOf({ 'a.png': null, 'a.json': json(shapes, changes) });

const open = (folder: string, options: Partial<LabelmeOptions> = {}): Promise<ReadDataset> =>
  labelme({ folder: '.', ...options }).open({ folder });
const boxes = ({ images, categories }: ReadDataset): unknown[] =>
  images.map(({ file, annotations }) => [
    file,
    ...annotations.map(({ label, box }) => [categories[label]!.name, ...box]),
  ]);
const message = async (folder: string, options: object = {}): Promise<string> => {
  const result = await checkDataset({ folder, labelme: '.', ...options });
  return result.ok ? 'usable' : result.error.message;
};
const CAT = shape('cat', [
  [10, 20],
  [50, 60],
]);

describe('labelme', () => {
  it('reads rectangles whatever the order of their corners, polygons, turned rectangles, masks, and circles as their box', async () => {
    const set = await open(
      await one([
        shape('dog', [
          [50, 60],
          [10, 20],
        ]),
        shape('cat', [
          [50.5, 20],
          [10, 60.25],
        ]),
        shape('cat', [
          [1, 1],
          [9, 1],
          [9, 5],
          [1, 5],
        ]),
        shape(
          'dog',
          [
            [10, 5],
            [20, 30],
            [5, 25],
          ],
          'polygon',
        ),
        {
          label: 'dog',
          points: [
            [10, 5],
            [20, 30],
            [5, 25],
          ],
        },
        shape(
          'cat',
          [
            [20, 0],
            [30, 10],
            [20, 20],
            [10, 10],
          ],
          'oriented_rectangle',
        ),
        shape(
          'cat',
          [
            [100, 50],
            [103, 54],
          ],
          'circle',
        ),
        {
          ...shape(
            'cat',
            [
              [10, 20],
              [19, 39],
            ],
            'mask',
          ),
          mask: 'iVBOR',
        },
      ]),
    );
    expect(set.categories).toEqual([
      { id: 1, name: 'cat' },
      { id: 2, name: 'dog' },
    ]);
    expect(boxes(set)).toEqual([
      [
        'a.png',
        ['dog', 10, 20, 50, 60],
        ['cat', 10, 20, 50.5, 60.25],
        ['cat', 1, 1, 9, 5],
        ['dog', 5, 5, 20, 30],
        ['dog', 5, 5, 20, 30],
        ['cat', 10, 0, 30, 20],
        ['cat', 95, 45, 105, 55],
        ['cat', 10, 20, 20, 40],
      ],
    ]);
    expect(set.report).toEqual([]);
    expect(set.images[0]).toMatchObject({ id: 'a.png', width: 200, height: 100 });
  });

  it('drops points and lines, and notes them with the place of the shape', async () => {
    const kinds = ['point', 'line', 'linestrip', 'points'];
    const set = await open(await one([CAT, ...kinds.map((kind) => shape('cat', [[1, 1]], kind))]));
    expect(set.images[0]!.annotations).toHaveLength(1);
    expect(set.report).toEqual(
      kinds.map((kind, i) => ({
        file: 'a.png',
        annotation: i + 2,
        action: 'dropped',
        why: `cat: a ${kind} encloses nothing`,
      })),
    );
  });

  it('clips and drops out loud, as for the other formats', async () => {
    const set = await open(
      await one([
        shape(
          'cat',
          [
            [0, 50],
            [20, 50],
          ],
          'circle',
        ),
        shape('cat', [
          [5, 5],
          [5, 9],
        ]),
      ]),
    );
    expect(boxes(set)).toEqual([['a.png', ['cat', 0, 30, 20, 70]]]);
    expect(set.report.map(({ annotation, action }) => [annotation, action])).toEqual([
      [1, 'clipped'],
      [2, 'dropped'],
    ]);
    expect(
      await message(
        await one([
          CAT,
          shape('cat', [
            [5, 5],
            [5, 9],
          ]),
        ]),
        { strict: true },
      ),
    ).toMatch(/strict mode/);
  });

  it('reads subfolders, and a picture without a JSON file as a negative', async () => {
    const set = await open(
      await folderOf({
        'a.json': json([CAT]),
        'a.png': null,
        'b.png': null,
        'sub/a.json': json([CAT]),
        'sub/a.png': null,
        'sub/.c.png': null,
        'notes.txt': 'no picture',
      }),
    );
    expect(set.images.map(({ id, annotations }) => [id, annotations.length])).toEqual([
      ['a.png', 1],
      ['b.png', 0],
      ['sub/a.png', 1],
    ]);
    expect(set.report).toEqual([]);
  });

  it('follows an imagePath with backslashes, and one that climbs within the folder', async () => {
    const folder = await folderOf({
      'json/a.json': json([CAT], { imagePath: '..\\images\\a.png' }),
      'json/b.json': json([CAT], { imagePath: '../images/b.png' }),
      'images/a.png': null,
      'images/b.png': null,
    });
    const set = await open(folder);
    expect(set.images.map(({ file, annotations }) => [file, annotations.length])).toEqual([
      ['images/a.png', 1],
      ['images/b.png', 1],
    ]);
    expect(set.report).toEqual([
      {
        file: 'images/a.png',
        annotation: null,
        action: 'noted',
        why: expect.stringContaining('parted by /') as string,
      },
    ]);
    for (const imagePath of ['../../a.png', '../..\\a.png', '/etc/passwd', 'C:\\a.png', 'a\0.png'])
      expect(await message(await folderOf({ 'json/a.json': json([CAT], { imagePath }), 'json/a.png': null }))).toMatch(
        /a\.json: "imagePath": the path ".*" leaves the folder/,
      );
  });

  it('refuses a size that is not that of the picture, but for pictures that EXIF turns', async () => {
    expect(await message(await one([CAT], { imageWidth: 300 }))).toMatch(
      /a\.png .*declare 300x100, but the image has 200x100/,
    );
    const swapped = { imagePath: 'a.jpg', imageWidth: 100, imageHeight: 200 };
    for (const size of [swapped, { imagePath: 'a.jpg' }])
      expect(await message(await folderOf({ 'a.jpg': await turnedJpeg(), 'a.json': json([CAT], size) }))).toBe(
        'usable',
      );
    expect(await message(await one([CAT], { imageWidth: 100, imageHeight: 200 }))).toMatch(/declare 100x200/);
    const undeclared = await open(await one([CAT], { imageWidth: undefined, imageHeight: null }));
    expect(undeclared.images[0]).toMatchObject({ width: 200, height: 100 });
  });

  it('has the classes that are given, wanted or held, and refuses others by name', async () => {
    const folder = await one([
      CAT,
      shape(' dog ', [
        [1, 1],
        [5, 5],
      ]),
    ]);
    expect((await open(folder)).categories.map(({ name }) => name)).toEqual(['cat', 'dog']);
    expect((await open(folder, { classes: ['dog', 'cat'] })).categories[0]).toEqual({ id: 1, name: 'dog' });
    const wanted = await labelme({ folder: '.' }).open({ folder, classes: ['eel', 'dog'] });
    expect(wanted.categories.map(({ name }) => name)).toEqual(['eel', 'dog', 'cat']);
    expect(await message(folder, { classes: '["cat", "dogs"]' })).toMatch(
      /a\.json: shape 2, "label": the class "dog" is unknown \(did you mean "dogs"\?\)/,
    );
  });

  it.each([
    ['a list', '[]', /a\.json: it is no LabelMe file/],
    ['another object', '{"images": []}', /it is no LabelMe file/],
    [
      'no path',
      json([CAT], { imagePath: undefined }),
      /"imagePath": the path of the picture is wanted, there is nothing/,
    ],
    ['a size of words', json([CAT], { imageWidth: '200' }), /"imageWidth" and "imageHeight": whole numbers/],
    ['half a size', json([CAT], { imageWidth: null }), /"imageWidth" and "imageHeight"/],
    ['a shape of text', json([CAT, 'x']), /shape 2: an object is wanted/],
    [
      'no label',
      json([
        shape('', [
          [1, 1],
          [2, 2],
        ]),
      ]),
      /shape 1: "label"/,
    ],
    [
      'a kind of its own',
      json([
        shape(
          'cat',
          [
            [1, 1],
            [2, 2],
          ],
          'cuboid',
        ),
      ]),
      /shape 1 \(cat\): "shape_type" is "cuboid"; read are rectangle/,
    ],
    [
      'a kind of the prototype',
      json([
        shape(
          'cat',
          [
            [1, 1],
            [2, 2],
          ],
          'constructor',
        ),
      ]),
      /"shape_type" is "constructor"/,
    ],
    ['one corner', json([shape('cat', [[1, 1]])]), /"points" of a rectangle must be 2 to 4 pairs/],
    [
      'two corners of a polygon',
      json([
        shape(
          'cat',
          [
            [1, 1],
            [2, 2],
          ],
          'polygon',
        ),
      ]),
      /must be 3 or more pairs/,
    ],
    [
      'three points of a circle',
      json([
        shape(
          'cat',
          [
            [1, 1],
            [2, 2],
            [3, 3],
          ],
          'circle',
        ),
      ]),
      /must be 2 pairs/,
    ],
    [
      'points of words',
      json([
        shape('cat', [
          ['1', 1],
          [2, 2],
        ]),
      ]),
      /pairs of finite numbers, there is \[\["1",1\]/,
    ],
    ['malformed JSON', '{"shapes": [', /a\.json.* is not valid JSON/],
    [
      'NaN',
      JSON.stringify(
        json([
          shape('cat', [
            [1, 1],
            [2, 77],
          ]),
        ]),
      ).replace('77', 'NaN'),
      /finite numbers, there is \[\[1,1\],\[2,"NaN"\]\]/,
    ],
    [
      'NaN elsewhere',
      JSON.stringify(json([CAT], { imageData: 77 })).replace('77', 'NaN'),
      /line 1: NaN and Infinity are not JSON/,
    ],
    [
      'points nested deep',
      JSON.stringify(json([shape('cat', 77)])).replace('77', '['.repeat(300_000) + ']'.repeat(300_000)),
      /nested too deep/,
    ],
    [
      'a key that is there twice',
      JSON.stringify(json([CAT])).replace('"imagePath"', '\n"shapes":[],\n"imagePath"'),
      /a\.json, line 2: the key "shapes" occurs twice; leave one of the two/,
    ],
    [
      'a key that a shape has twice',
      JSON.stringify(json([CAT])).replace('"label"', '"label":"dog",\n"label"'),
      /a\.json, line 2: the key "label" occurs twice/,
    ],
    ['a picture that is not there', json([CAT], { imagePath: 'b.png' }), /b\.png does not exist/],
  ])('refuses %s', async (_, content, expected) => {
    expect(await message(await folderOf({ 'a.png': null, 'a.json': content }))).toMatch(expected);
  });

  it('refuses two files about one picture, a folder without JSON, and links out of it', async () => {
    expect(await message(await folderOf({ 'a.png': null, 'a.json': json([CAT]), 'b.json': json([CAT]) }))).toMatch(
      /b\.json: a\.json is about the picture a\.png, too/,
    );
    expect(await message(await folderOf({ 'a.png': null }))).toMatch(/there is no JSON file in it/);
    await expect(open(join(folders.root, 'nowhere'))).rejects.toThrow(/nowhere does not exist; check the path/);
    await expect(open(join(await one([CAT]), 'a.json'))).rejects.toThrow(/a\.json is a file; a folder is wanted/);
    const outside = await one([CAT]);
    const folder = await one([CAT]);
    await symlink(join(outside, 'a.json'), join(folder, 'b.json'));
    expect(await message(folder)).toMatch(/b\.json is a link to .*leaves the folder/);
  });
});
