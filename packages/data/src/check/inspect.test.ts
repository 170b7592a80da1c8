import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Folders, pngOf200x100, temporaryFolders } from '../../test/folders.js';
import { checkDataset } from './check.js';
import { openChecked } from './inspect.js';

let folders: Folders;
beforeAll(async () => void (folders = await temporaryFolders()));
afterAll(() => folders.remove());

const BOX = { id: 1, image_id: 1, category_id: 1, bbox: [190, 10, 20, 20] };
const set = async (width: number, annotations: readonly object[] = [BOX], names = ['a.png']) =>
  folders.make({
    'a.png': null,
    'a.jpg': null,
    'cut.png': (await pngOf200x100()).subarray(0, 90),
    'a.json': {
      images: names.map((file_name, i) => ({ id: i + 1, file_name, width, height: 100 })),
      categories: [{ id: 1, name: 'cat' }],
      annotations,
    },
  });

test.each([
  ['a size that is not the picture’s', 300, [BOX], ['a.png'], 'IMAGE_INVALID', /declare 300x100.*has 200x100/],
  ['a damaged picture', 200, [BOX], ['a.png', 'cut.png'], 'IMAGE_INVALID', /cut\.png.*truncated/],
  ['pictures that are not there', 200, [BOX], ['a.png', 'b.png'], 'IMAGE_INVALID', /b\.png does not exist/],
  ['several faults', 300, [BOX], ['a.png', 'b.png'], 'DATA_INVALID', /^a: 2 findings:\n.*declare 300x100[^]*b\.png/],
  ['no box', 200, [], ['a.png'], 'DATA_INVALID', /^a has no box in any of its 1 images\.$/],
])('refuses %s, as kd data check does', async (_, width, annotations, names, code, message) => {
  const folder = await set(width, annotations, names);
  const opened = openChecked({ format: 'coco', annotations: 'a.json', images: '.' }, folder);
  await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  expect(await checkDataset({ coco: 'a.json', images: '.', folder })).toMatchObject({ ok: false });
});

test('gives what can be used with the report of kd data check', async () => {
  const folder = await set(200);
  const { dataset, report } = await openChecked({ format: 'coco', annotations: 'a.json', images: '.' }, folder);
  expect(dataset.images[0]!.annotations).toMatchObject([{ box: [190, 10, 200, 30] }]);
  expect(report).toEqual((await checkDataset({ coco: 'a.json', images: '.', folder })).report);
  expect(report).toHaveLength(1);
});

test('pictures that would be dumped to one name are told with what else is wrong and was corrected', async () => {
  const folder = await set(200, [BOX], ['a.png', 'a.jpg', 'cut.png']);
  expect(await checkDataset({ coco: 'a.json', images: '.', folder, dump: 'out' })).toMatchObject({
    ok: false,
    error: {
      findings: [
        expect.stringContaining('a.png and a.jpg would both be written to a.png; rename one or leave --dump out'),
        expect.stringMatching(/cut\.png.*truncated/),
      ],
    },
    report: [{ file: 'a.png', action: 'clipped' }],
  });
  expect(existsSync(join(folder, 'out'))).toBe(false);
});
