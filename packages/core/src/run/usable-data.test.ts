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

  it('is refused by name', async () => {
    await expect(checkUsable(dataset([]), 'the validation data', 'error')).rejects.toThrow(
      'the validation data (set) has no box in any of its 1 images.',
    );
    await checkUsable(dataset([[0, 0, 5, 5]]), 'the validation data', 'error');
  });
});

describe('images that are not there', () => {
  const box = dataset([[0, 0, 5, 5]]);
  const withMissing = (missing: readonly string[], images = 4): Dataset => ({
    ...box,
    images: Array.from({ length: images }, (_, id) => ({ ...box.images[0]!, id, file: `${id}.png` })),
    missing: async () => missing,
  });
  const check = (missing: readonly string[], onBadImage: 'error' | 'skip') =>
    checkUsable(withMissing(missing), 'the validation data', onBadImage);

  it('are told before the first step, with what to do', async () => {
    await expect(check(['1.png'], 'error')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(
        /^the validation data \(set\): 1 of 4 images are not there: 1\.png\. Restore .*skip/,
      ),
    });
    await expect(check(['0.png', '1.png', '2.png'], 'error')).rejects.toThrow(/3 of 4 .* folder .* looks wrong/);
    await check([], 'error');
  });

  it('are no error where they are skipped, unless all are', async () => {
    await check(['0.png', '1.png', '2.png'], 'skip');
    await expect(check(['0.png', '1.png', '2.png', '3.png'], 'skip')).rejects.toThrow(/4 of 4 .* looks wrong/);
  });
});
