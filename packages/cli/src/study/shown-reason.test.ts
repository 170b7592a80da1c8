import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { shownReason } from './shown-reason.js';

test('paths of a reason start in the first folder that they lie in; others stay', () => {
  const folders = ['/home/me/work', '/home/me/runs/a+b'];
  expect(
    shownReason('/home/me/runs/a+b/a-0/x: no "/home/me/work/w.pth", /home/me/workshop/y, /mnt/home/me/work/z', folders),
  ).toBe('a-0/x: no "w.pth", /home/me/workshop/y, /mnt/home/me/work/z');
  expect(shownReason(`${resolve('w.pth')} does not exist`, ['.'])).toBe('w.pth does not exist');
  expect(shownReason('/data/x', ['/'])).toBe('/data/x');
});
