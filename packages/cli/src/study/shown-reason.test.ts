import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { shownReason } from './shown-reason.js';

test('paths of a reason start in the first folder that they lie in; others stay', () => {
  const folders = ['/somewhere/work', '/somewhere/runs/a+b'];
  expect(
    shownReason(
      '/somewhere/runs/a+b/a-0/x: no "/somewhere/work/w.pth", /somewhere/workshop/y, /mnt/somewhere/work/z',
      folders,
    ),
  ).toBe('a-0/x: no "w.pth", /somewhere/workshop/y, /mnt/somewhere/work/z');
  expect(shownReason(`${resolve('w.pth')} does not exist`, ['.'])).toBe('w.pth does not exist');
  expect(shownReason('/data/x', ['/'])).toBe('/data/x');
});
