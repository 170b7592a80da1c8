import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coco } from './coco.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kd-coco-'));
});
afterAll(() => rm(folder, { recursive: true }));

const images = [
  { id: 7, file_name: 'a.png', width: 100, height: 80 },
  { id: 3, file_name: 'sub/b.png', width: 50, height: 50 },
];
const categories = [
  { id: 18, name: 'dog' },
  { id: 2, name: 'cat' },
];
const annotation = { id: 1, image_id: 7, category_id: 18, bbox: [10, 20, 30, 40] };

const open = async (content: unknown, strict = false) => {
  await writeFile(join(folder, 'train.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return coco({ annotations: 'train.json', images: '.', strict }).open({ folder });
};
const withAnnotation = (changes: object) => open({ images, categories, annotations: [{ ...annotation, ...changes }] });

describe('coco', () => {
  it('reads boxes, contiguous labels in the order of ids, crowds, areas and negative images', async () => {
    const dataset = await open({
      images,
      categories,
      annotations: [
        { ...annotation, id: 0, bbox: [10.5, 20, 30.25, 40] },
        { ...annotation, id: 5, category_id: 2, iscrowd: 1, area: 12.5 },
      ],
    });
    expect(dataset.name).toBe('train');
    expect(dataset.categories).toEqual([
      { id: 2, name: 'cat' },
      { id: 18, name: 'dog' },
    ]);
    expect(dataset.images).toEqual([
      {
        id: 7,
        file: 'a.png',
        width: 100,
        height: 80,
        annotations: [
          { id: 0, box: [10.5, 20, 40.75, 60], label: 1, area: 1210, ignore: false },
          { id: 5, box: [10, 20, 40, 60], label: 0, area: 12.5, ignore: true },
        ],
      },
      { id: 3, file: 'sub/b.png', width: 50, height: 50, annotations: [] },
    ]);
    expect(dataset.report).toEqual([]);
  });

  it('drops and clips, tells each one, and refuses when strict', async () => {
    const content = {
      images,
      categories,
      annotations: [
        { ...annotation, id: 11, bbox: [5, 5, 0, 4] },
        { ...annotation, id: 12, bbox: [5, 5, 4, -1] },
        { ...annotation, id: 13, bbox: [100, 0, 5, 5] },
        { ...annotation, id: 14, bbox: [90, 70, 20, 20] },
        { ...annotation, id: 15, image_id: 3, bbox: [0.1, 0.2, 49.9, 49.8] },
      ],
    };
    const { report, images: read } = await open(content);
    expect(report.map(({ file, annotation, action }) => [file, annotation, action])).toEqual([
      ['a.png', 1, 'dropped'],
      ['a.png', 2, 'dropped'],
      ['a.png', 3, 'dropped'],
      ['a.png', 4, 'clipped'],
    ]);
    expect(report[3]!.why).toContain('annotation id 14');
    expect(read[0]!.annotations).toEqual([{ id: 14, box: [90, 70, 100, 80], label: 1, area: 100, ignore: false }]);
    await expect(open(content, true)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(/train\.json: 4 findings.*id 11/s) as string,
    });
  });

  it.each([
    ['an absent bbox', { bbox: undefined }],
    ['a null bbox', { bbox: null }],
    ['three numbers', { bbox: [1, 2, 3] }],
    ['strings', { bbox: ['1', '2', '3', '4'] }],
    ['null in it', { bbox: [1, null, 3, 4] }],
    ['an infinite number', { bbox: [1, 2, 1e999, 4] }],
    ['an unknown image', { image_id: 99 }],
    ['an unknown category', { category_id: 1 }],
    ['an area that is none', { area: '5' }],
    ['a crowd of 2', { iscrowd: 2 }],
  ])('refuses %s, naming file and id', async (_, changes) => {
    await expect(withAnnotation(changes)).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(/train\.json: annotation 1: /) as string,
    });
  });

  it.each([
    ['image ids', { images: [...images, images[0]], categories, annotations: [] }, /image 7.*twice/],
    ['annotation ids', { images, categories, annotations: [annotation, annotation] }, /annotation 1.*twice/],
    [
      'category ids',
      { images, categories: [categories[0], { id: 18, name: 'x' }], annotations: [] },
      /category 18.*twice/,
    ],
    [
      'category names',
      { images, categories: [categories[0], { id: 4, name: 'dog' }], annotations: [] },
      /18 and 4.*"dog"/,
    ],
  ])('refuses duplicate %s', async (_, content, message) => {
    await expect(open(content)).rejects.toThrow(message);
  });

  it.each([
    [
      'NaN',
      JSON.stringify({ images, categories, annotations: [{ ...annotation, id: 42 }] }).replace('[10', '[NaN'),
      /train\.json: annotation 42: .*NaN/,
    ],
    [
      'NaN elsewhere',
      JSON.stringify({ info: 0, images, categories, annotations: [] }).replace('"info":0', '\n"info":-Infinity'),
      /train\.json, line 2: NaN/,
    ],
    [
      'cut JSON',
      JSON.stringify({ images, categories, annotations: [annotation] }).slice(0, 150),
      /train\.json.*malformed or cut/,
    ],
    ['malformed JSON', '{"images": [,]}', /train\.json.*malformed/],
    ['an empty file', ' \n', /train\.json is empty/],
    [
      'a list of results',
      '[{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]',
      /train\.json.*"images", "annotations" and "categories"/,
    ],
    ['missing keys', '{"images": []}', /"annotations" and "categories" are missing/],
    ['a number', '5', /holds 5/],
    ['an image without a name', '{"images": [{"id": 1}], "annotations": [], "categories": []}', /image 1: "file_name"/],
    [
      'a size of 0',
      '{"images": [{"id": 1, "file_name": "a", "width": 0, "height": 5}], "annotations": [], "categories": []}',
      /image 1: "width"/,
    ],
    ['a missing id', '{"images": [{"file_name": "a"}], "annotations": [], "categories": []}', /images\[0\]: "id"/],
  ])('refuses %s', async (_, content, message) => {
    await expect(open(content)).rejects.toThrow(message);
  });

  it.each(['../a.png', '/etc/passwd', 'a/../../b.png', 'C:\\a.png', '..\\a.png'])(
    'refuses the path %s',
    async (file) => {
      await expect(open({ images: [{ ...images[0], file_name: file }], categories, annotations: [] })).rejects.toThrow(
        /train\.json: image 7: .*leaves its folder/,
      );
    },
  );

  describe('classes', () => {
    const source = (classes?: readonly string[]) =>
      coco({ annotations: 'train.json', images: '.', ...(classes === undefined ? {} : { classes }) });
    const labelled = async (given?: readonly string[], wanted?: readonly string[]) => {
      await open({
        images,
        categories: [...categories, { id: 40, name: 'cow' }],
        annotations: [annotation, { ...annotation, id: 2, category_id: 2 }, { ...annotation, id: 3, category_id: 40 }],
      });
      const dataset = await source(given).open({ folder, ...(wanted === undefined ? {} : { classes: wanted }) });
      const names = dataset.categories.map(({ id, name }) => `${id} ${name}`);
      return [names, dataset.images[0]!.annotations.map(({ id, label }) => [id, label])];
    };

    it('take some of the categories in a wanted order; boxes of others are left out', async () => {
      expect(await labelled(['cow', 'cat'])).toEqual([
        ['40 cow', '2 cat'],
        [
          [2, 1],
          [3, 0],
        ],
      ]);
    });

    it('come in the order of the training data where the names are the same, whatever ids and listing say', async () => {
      const byId = [
        ['2 cat', '18 dog', '40 cow'],
        [
          [1, 1],
          [2, 0],
          [3, 2],
        ],
      ];
      expect(await labelled()).toEqual(byId);
      expect(await labelled(undefined, ['cow', 'dog', 'cat'])).toEqual([
        ['40 cow', '18 dog', '2 cat'],
        [
          [1, 1],
          [2, 2],
          [3, 0],
        ],
      ]);
      for (const others of [
        ['cow', 'dog'],
        ['cow', 'dog', 'cat', 'x'],
        ['cow', 'dog', 'Cat'],
      ])
        expect(await labelled(undefined, others)).toEqual(byId);
    });

    it('that are not there, twice there or none are refused', async () => {
      await expect(labelled(['dgo'])).rejects.toThrow(/train\.json: there is no category "dgo" \(did you mean "dog"/);
      await expect(labelled(['dog', 'dog'])).rejects.toThrow(/listed twice/);
      await expect(labelled([])).rejects.toThrow(/list is empty/);
    });
  });

  describe('file names of other tools', () => {
    const named = async (file_name: string) => {
      await mkdir(join(folder, 'img/sub'), { recursive: true });
      await writeFile(join(folder, 'img/sub/b c.png'), 'x');
      await writeFile(
        join(folder, 'train.json'),
        JSON.stringify({ images: [{ ...images[0], file_name }], categories, annotations: [] }),
      );
      return coco({ annotations: 'train.json', images: 'img' }).open({ folder });
    };

    it('reads backslashes and absolute paths of its own folder, and notes each', async () => {
      for (const name of ['sub\\b c.png', join(folder, 'img/sub/b c.png')]) {
        const { images: read, report } = await named(name);
        expect(read[0]!.file).toBe('sub/b c.png');
        expect(report).toEqual([
          {
            file: 'sub/b c.png',
            annotation: null,
            action: 'noted',
            why: expect.stringContaining('is read as') as string,
          },
        ]);
      }
    });

    it('takes a name with a backslash as it is where that file is there', async () => {
      await mkdir(join(folder, 'img'), { recursive: true });
      await writeFile(join(folder, 'img/a\\b.png'), 'x');
      expect((await named('a\\b.png')).images[0]!.file).toBe('a\\b.png');
    });

    it.each([
      ['https://example.org/sub/b%20c.png', /image 7: .*is a URL.*There is sub\/b c\.png/],
      ['/data/local-files/?d=sub/b%20c.png', /image 7: .*leaves its folder.*There is sub\/b c\.png/],
      ['C:\\img\\sub\\B C.PNG', /image 7: .*leaves its folder.*There is sub\/b c\.png/],
    ])('refuses %s, and names the file that is there', async (name, message) => {
      await expect(named(name)).rejects.toThrow(message);
    });

    it.each(['img/sub/b c.png', 'sub/B C.PNG', 'sub/b%20c.png'])('names the file that %s may mean', async (name) => {
      const dataset = await named(name);
      await expect(dataset.readImage(dataset.images[0]!)).rejects.toThrow(
        /does not exist; .* There is sub\/b c\.png: is that the one\?/,
      );
    });
  });

  it.each([{ width: 0, height: 0 }, { width: null, height: null }, { width: 64 }])(
    'takes the size from the picture, and notes it, where $width and $height are declared',
    async (declared) => {
      const png = await sharp({ create: { width: 64, height: 48, channels: 3, background: 'red' } })
        .png()
        .toBuffer();
      await writeFile(join(folder, 'sized.png'), png);
      const { images: read, report } = await open({
        images: [{ id: 1, file_name: 'sized.png', ...declared }],
        categories,
        annotations: [],
      });
      expect(read[0]).toMatchObject({ width: 64, height: 48 });
      expect(report).toEqual([
        { file: 'sized.png', annotation: null, action: 'noted', why: expect.stringContaining('has 64x48') as string },
      ]);
    },
  );

  it('tells which images are not there, without reading any', async () => {
    const dataset = await open({ images, categories, annotations: [annotation] });
    expect(await dataset.missing!()).toEqual(['a.png', 'sub/b.png']);
    await writeFile(join(folder, 'a.png'), 'no picture');
    expect(await dataset.missing!()).toEqual(['sub/b.png']);
    await rm(join(folder, 'a.png'));
  });

  it('tells every fault at once, as one error', async () => {
    const broken = [{ bbox: [] }, { image_id: 99 }, { category_id: 1 }, { area: 'x' }, {}];
    await expect(
      open({ images, categories, annotations: broken.map((change, id) => ({ ...annotation, id, ...change })) }),
    ).rejects.toMatchObject({
      code: 'DATA_INVALID',
      message: expect.stringMatching(
        /^train: 4 findings:\n.*annotation 0: .*\n.*annotation 1: .*\n.*annotation 2: .*\n.*annotation 3: .*$/,
      ) as string,
    });
  });

  it('reads past a byte order mark', async () => {
    expect((await open(`\ufeff${JSON.stringify({ images, categories, annotations: [] })}`)).images).toHaveLength(2);
  });

  it('refuses a file that does not exist', async () => {
    await expect(coco({ annotations: 'none.json', images: '.' }).open({ folder })).rejects.toThrow(
      /none\.json does not exist/,
    );
  });
});
