import { describe, expect, it } from 'vitest';
import { CLASS_NAMES } from './synthetic/classes.js';
import { dataSource, openDataset } from './open-dataset.js';

describe('dataSource', () => {
  it('makes sources that say what they were made from', async () => {
    const spec = { format: 'synthetic', images: 3, size: [32, 48], seed: 7, name: 'toy' };
    const source = dataSource(spec);
    expect([source.name, source.spec]).toEqual([
      'toy',
      { ...spec, classes: CLASS_NAMES, objects: [2, 8], sizes: [10, 60], minVisible: 0.5, noise: 8 },
    ]);
    const dataset = await openDataset(source.spec, '.');
    expect([dataset.name, dataset.images.length, dataset.images[0]!.height]).toEqual(['toy', 3, 32]);
    expect(dataSource({ format: 'coco', annotations: 'a/val.json', images: 'b' }).name).toBe('val');
    expect(
      dataSource({
        format: 'voc',
        sets: [
          { root: 'VOC2007', split: 'trainval' },
          { root: 'VOC2012', split: 'trainval' },
        ],
        classes: 'voc',
      }).name,
    ).toBe('VOC2007-trainval+VOC2012-trainval');
    expect(dataSource({ format: 'voc', root: 'x/y/', split: 'val', classes: ['a'] }).name).toBe('y-val');
    for (const [data, name] of [
      ['x/coco8.yaml', 'coco8-val'],
      ['x/coco8/data.yaml', 'coco8-val'],
      ['./data.yaml', 'data-val'],
    ])
      expect(dataSource({ format: 'yolo', data, split: 'val' }).name).toBe(name);
    expect(dataSource({ format: 'labelme', folder: 'x/pictures/' }).name).toBe('pictures');
    expect(dataSource({ format: 'csv', annotations: 'x/boxes.csv', classes: 'c.csv' }).spec).toEqual({
      format: 'csv',
      name: 'boxes',
      strict: false,
      maxPixels: 200_000_000,
      annotations: 'x/boxes.csv',
      classes: 'c.csv',
    });
  });

  it.each([
    [null, /null/],
    [{ images: 3 }, /"format" is missing.*coco, voc, yolo, labelme, csv, synthetic/],
    [{ format: 'cooc' }, /did you mean "coco"/],
    [{ format: 'toString' }, /the formats are/],
    [{ format: 'coco', annotation: 'a', images: 'b' }, /"annotation"; did you mean "annotations"/],
    [{ format: 'coco', images: 'b' }, /annotations/],
    [{ format: 'voc', root: 'a', split: 3 }, /split/],
    [{ format: 'voc', root: 'a', split: 'b', difficult: 'yes' }, /difficult/],
    [{ format: 'voc', root: 'a', split: 'b', classes: 'coco' }, /classes: must be a list of names, or "voc"/],
    [{ format: 'voc', root: 'a' }, /give root and split, or sets/],
    [{ format: 'voc', sets: [{ root: 'a' }] }, /sets\.0\.split/],
    [{ format: 'yolo', data: 'data.yaml' }, /split/],
    [{ format: 'yolo', yaml: 'data.yaml', split: 'val' }, /there is no option "yaml"/],
    [{ format: 'labelme', folder: '' }, /folder/],
    [{ format: 'csv', annotations: 'a.csv', classes: 3 }, /classes: must be a list of names, or a file with them/],
    [{ format: 'synthetic', images: '3' }, /images/],
  ])('refuses %j', (spec, message) => {
    expect(() => dataSource(spec)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) as string }) as Error,
    );
  });
});
