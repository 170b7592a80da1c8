import { expect, it } from 'vitest';
import { progressLines } from './progress.js';

it('says a line for each tenth of a download, not for each report', () => {
  const lines: string[] = [];
  const tell = progressLines('tensorflow', (line) => lines.push(line));
  for (let done = 0; done <= 100; done++)
    tell({ stage: 'download', message: 'downloading x', done: done * 1e6, total: 100e6 });
  tell({ stage: 'compile', message: 'compiling' });
  expect(lines).toHaveLength(12);
  expect(lines.slice(-2)).toEqual(['[tensorflow] downloading x: 100 MB of 100 MB', '[tensorflow] compiling']);
});
