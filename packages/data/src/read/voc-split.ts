import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KdError, messageOf } from '@kd/core';
import { checkRelative } from './safe-path.js';

export const splitFile = (root: string, split: string): string => join(root, 'ImageSets', 'Main', `${split}.txt`);

/**
 * The stems of a split, one a line; blank lines and blanks at the ends do not matter.
 * @throws KdError DATA_INVALID
 */
export async function readSplit(root: string, split: string): Promise<{ stem: string; where: string }[]> {
  checkRelative(split, `split of ${root}`);
  const file = splitFile(root, split);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KdError(
      'DATA_INVALID',
      `${file} ${missing ? 'does not exist; check the root and the name of the split' : `cannot be read: ${messageOf(cause)}`}.`,
      { cause },
    );
  });
  const lines = new Map<string, number>();
  const stems: { stem: string; where: string }[] = [];
  text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\r|\n/)
    .forEach((line, i) => {
      const stem = line.trim();
      if (stem === '') return;
      if (lines.has(stem))
        throw new KdError(
          'DATA_INVALID',
          `${file}, line ${i + 1}: "${stem}" stands in line ${lines.get(stem)} already; list every image once.`,
        );
      lines.set(stem, i + 1);
      stems.push({ stem, where: `${file}, line ${i + 1}` });
    });
  if (stems.length === 0) throw new KdError('DATA_INVALID', `${file} lists no images.`);
  return stems;
}
