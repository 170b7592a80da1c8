import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dataArgument } from './data-argument.js';

test('short forms become what a config holds', async () => {
  expect((await dataArgument({ coco: 'a.json', images: 'i', classes: '["a"]' }))?.spec).toEqual({
    format: 'coco',
    annotations: 'a.json',
    images: 'i',
    classes: ['a'],
  });
  expect((await dataArgument({ voc: 'r', split: 's', images: 'i', annotations: 'x' }))?.spec).toEqual({
    format: 'voc',
    root: 'r',
    split: 's',
    images: 'i',
    annotations: 'x',
  });
  expect((await dataArgument({ coco: 'a.json', images: 'i' }))?.spec).toEqual({
    format: 'coco',
    annotations: 'a.json',
    images: 'i',
  });
  expect((await dataArgument({ voc: 'r', split: 2012, classes: '["a","b"]' }))?.spec).toEqual({
    format: 'voc',
    root: 'r',
    split: '2012',
    classes: ['a', 'b'],
  });
  expect((await dataArgument({ coco: ['a.json', 'b.json'], images: ['i', 'j'] }))?.spec).toEqual({
    format: 'coco',
    annotations: ['a.json', 'b.json'],
    images: ['i', 'j'],
  });
  expect((await dataArgument({ yolo: 'data.yaml' }))?.spec).toEqual({
    format: 'yolo',
    data: 'data.yaml',
    split: 'val',
  });
  expect((await dataArgument({ yolo: 'data.yaml', split: 'test' }, 'train'))?.spec['split']).toBe('test');
  expect((await dataArgument({ labelme: 'l', classes: '["a"]' }))?.spec).toEqual({
    format: 'labelme',
    folder: 'l',
    classes: ['a'],
  });
  expect((await dataArgument({ csv: 'b.csv', images: 'i', classes: 'c.csv' }))?.spec).toEqual({
    format: 'csv',
    annotations: 'b.csv',
    images: 'i',
    classes: 'c.csv',
  });
  expect(await dataArgument({})).toBeNull();
});

test('a file with data is read, and its paths start from its folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kd-cli-'));
  writeFileSync(join(folder, 'data.json'), '{"format":"voc","root":".","split":"val"}');
  expect(await dataArgument({ data: join(folder, 'data.json') })).toEqual({
    spec: { format: 'voc', root: '.', split: 'val' },
    folder,
  });
});

test.each([
  [{ coco: 'a.json' }, '--coco needs --images'],
  [{ voc: 'r' }, '--voc needs --split'],
  [{ images: 'i' }, '--images belongs to --coco'],
  [{ yolo: 'd.yaml', images: 'i' }, '--images belongs to --coco or --voc or --csv, not to --yolo'],
  [{ labelme: 'l', split: 's' }, '--split belongs to --voc or --yolo, not to --labelme'],
  [{ coco: 'a.json', images: 'i', annotations: 'x' }, '--annotations belongs to --voc, not to --coco'],
  [{ csv: ['a', 'b'] }, '--csv is given several times'],
  [{ data: '{"format":"voc"}', split: 's' }, 'leave --split out'],
  [{ classes: '["a"]' }, '--classes belongs to a data set'],
  [{ coco: 'a', images: 'i', voc: 'r', split: 's' }, 'give one of --coco and --voc'],
  [{ data: '{"format":' }, '--data is no JSON'],
  [{ data: '{"format":"voc","split":"a","split":"b"}' }, '--data: the key "split" occurs twice'],
  [{ data: '{"images":3}' }, 'expected an object with a format'],
  [{ data: '/no/such.json' }, 'cannot be read'],
  [{ voc: 'r', split: 's', classes: '{}' }, 'cannot be read'],
  [{ voc: 'r', split: 's', classes: '[1]' }, 'must be a JSON list of names'],
])('%j is refused', async (flags, words) => {
  await expect(dataArgument(flags)).rejects.toThrow(words);
});
