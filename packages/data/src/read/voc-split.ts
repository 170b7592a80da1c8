import { join } from 'node:path';
import { KdError, messageOf } from '@kd/core/plain';
import { composedAs, isThere } from './composed-as.js';
import type { Correction } from './correction.js';
import { attemptLater, type TellFault } from './faults.js';
import { nameHint } from './name-hint.js';
import { checkRelative } from './safe-path.js';
import { readText } from './text.js';
import type { VocFolder } from './voc-folder.js';

export const splitFile = (root: string, split: string): string => join(root, 'ImageSets', 'Main', `${split}.txt`);

/** An image of a split. */
export interface SplitLine {
  readonly stem: string;
  /** File and line, for messages. */
  readonly where: string;
}

/** How a line was read that is no stem as it stands. */
type Spelling =
  | 'an extension'
  | 'a folder'
  | 'a picture with its annotation file'
  | 'a second column'
  | 'the same letters by other code points';

/**
 * The stems of a split, one a line; blank lines and blanks at the ends do not matter. A line that names no annotation
 * file as it stands is read as other tools write them: with an extension, with the folder of the pictures or of the
 * annotations, as a pair of both, or as VOC's list of one class (`name 1`, `name -1`), of which the images of the class
 * are taken. Each kind is noted once.
 * @throws KdError DATA_INVALID for a list that is missing or empty
 */
export async function readSplit(
  folder: VocFolder,
  split: string,
  report: Correction[],
  tell: TellFault,
): Promise<readonly SplitLine[]> {
  checkRelative(split, `split of ${folder.root}`);
  const file = splitFile(folder.root, split);
  const content = await readText(file).catch((cause: unknown) => {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KdError(
      'DATA_INVALID',
      `${file} ${missing ? 'does not exist; check the root and the name of the split' : `cannot be read: ${messageOf(cause)}`}.`,
      { cause },
    );
  });
  const lines = content
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ text: line.trim(), where: `${file}, line ${i + 1}`, number: i + 1 }))
    .filter(({ text }) => text !== '');
  const kinds = new Map<Spelling, { readonly first: string; count: number }>();
  const count = (kind: Spelling, first: string): void => {
    const entry = kinds.get(kind) ?? { first, count: 0 };
    entry.count++;
    kinds.set(kind, entry);
  };
  const seen = new Map<string, number>();
  const stems: SplitLine[] = [];
  let outOfClass = 0;
  for (const { text, where, number } of lines) {
    await attemptLater(tell, async () => {
      const { stem, spelling, flag } = await readLine(text, where, folder);
      if (spelling !== undefined) count(spelling, `"${text}"${flag === '-1' ? '' : `, read as ${stem}`}`);
      if (seen.has(stem))
        throw new KdError(
          'DATA_INVALID',
          `${where}: "${text}" stands in line ${seen.get(stem)} already; list every image once.`,
        );
      seen.set(stem, number);
      if (flag === '-1') outOfClass++;
      else stems.push({ stem, where });
    });
  }
  if (lines.length === 0) throw new KdError('DATA_INVALID', `${file} lists no images.`);
  if (outOfClass === lines.length)
    throw new KdError(
      'DATA_INVALID',
      `${file} is a list of one class, and no image of it is in the class (all are -1).`,
    );
  for (const [kind, { first, count }] of kinds)
    report.push({
      file: `ImageSets/Main/${split}.txt`,
      annotation: null,
      action: 'noted',
      why: `${count} ${count === 1 ? 'line' : 'lines'} with ${kind}: ${first}${kind === 'a second column' ? `; it is VOC's list of one class, and ${outOfClass} ${outOfClass === 1 ? 'image that is' : 'images that are'} not in the class (-1) ${outOfClass === 1 ? 'is' : 'are'} left out` : ''}`,
    });
  return stems;
}

async function readLine(
  text: string,
  where: string,
  folder: VocFolder,
): Promise<{ readonly stem: string; readonly spelling?: Spelling; readonly flag?: string }> {
  /** The stem as the disk has it. */
  const stemOf = async (name: string): Promise<string | null> => {
    if (!isPlain(name)) return null;
    const { path } = await composedAs(folder.annotations, `${name}.xml`);
    return (await isThere(join(folder.annotations, path))) ? path.slice(0, -'.xml'.length) : null;
  };
  const plain = await stemOf(text);
  if (plain !== null)
    return plain === text ? { stem: plain } : { stem: plain, spelling: 'the same letters by other code points' };
  const column = /^(.*\S)\s+([+-]?[01])$/.exec(text);
  const inColumn = column === null ? null : await stemOf(column[1]!);
  if (inColumn !== null) return { stem: inColumn, spelling: 'a second column', flag: column![2]! };
  const pair = /^\S+\s+(\S+\.xml)$/i.exec(text);
  for (const [name, spelling] of [
    [pair?.[1] ?? '', 'a picture with its annotation file'],
    [text, 'a folder'],
  ] as const) {
    const rest = folder.inside(name.replaceAll('\\', '/'));
    const stem = await stemOf(withoutExtension(rest));
    if (stem !== null && isPlain(rest))
      return { stem, spelling: spelling === 'a folder' && rest === text ? 'an extension' : spelling };
  }
  const name = (column?.[1] ?? text).replace(/^(["'])(.*)\1$/, '$2');
  const likely = /^\d+$/.test(name) ? name.padStart(6, '0') : name; // zeros that a table cut off; quotes
  const found = (await stemOf(likely))
    ? `${likely}.xml`
    : await nameHint(folder.annotations, `${withoutExtension(name)}.xml`);
  const meant = found === null ? '' : `there is ${found}: if that is the one, write ${withoutExtension(found)}`;
  checkRelative(name, where, meant);
  throw new KdError(
    'DATA_INVALID',
    `${where}: there is no annotation file ${join(folder.annotations, `${name}.xml`)}; ${meant || `add it or take "${text}" out of the split`}.`,
  );
}

const isPlain = (name: string): boolean => {
  try {
    checkRelative(name, '');
    return true;
  } catch {
    return false;
  }
};

const withoutExtension = (name: string): string => name.replace(/\.(?:xml|jpe?g|png|webp|gif|tiff?|avif|bmp)$/i, '');
