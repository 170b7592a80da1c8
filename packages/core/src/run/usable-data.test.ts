import { describe, expect, it } from 'vitest';
import type { Dataset } from '../contract/data.js';
import { checkUsable, unusable } from './usable-data.js';

const dataset = (boxes: readonly (readonly number[])[] | null, classes = ['a']): Dataset => ({
  name: 'set',
  categories: classes.map((name, id) => ({ id, name })),
  images:
    boxes === null
      ? []
      : [
          {
            id: 1,
            file: 'a.png',
            width: 20,
            height: 10,
            annotations: boxes.map((box, id) => ({
              id,
              box: box as [number, number, number, number],
              label: 0,
              area: 1,
              ignore: false,
            })),
          },
        ],
  loader: () => {
    throw new Error('no loader is wanted');
  },
});

describe('data that a run cannot use', () => {
  it.each([
    ['no classes', dataset([[0, 0, 5, 5]], []), 0, ['has no classes: its annotations name none']],
    ['no images', dataset(null), 0, ['has no images']],
    ['no boxes', dataset([]), 0, ['has no box in any of its 1 images']],
    [
      'boxes that were all dropped',
      dataset([]),
      3,
      ['has no box left: all 3 were dropped; are their coordinates those of other images?'],
    ],
    [
      'normalised boxes',
      dataset([[0.1, 0.2, 0.9, 0.8]]),
      0,
      [expect.stringMatching(/has 1 boxes, all .* from 0 to 1/)],
    ],
    ['one pixel', dataset([[0, 0, 1, 1]]), 0, []],
    ['a line of a box', dataset([[0, 0, 0.5, 9]]), 0, []],
  ])('%s', (_, data, dropped, why) => {
    expect(unusable(data, dropped)).toEqual(why);
  });

  it('is refused by name', () => {
    expect(() => checkUsable(dataset([]), 'the validation data')).toThrow(
      'the validation data (set) has no box in any of its 1 images.',
    );
    expect(() => checkUsable(dataset([[0, 0, 5, 5]]), 'the validation data')).not.toThrow();
  });
});
