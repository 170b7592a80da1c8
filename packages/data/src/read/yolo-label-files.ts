import { lstat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { KdError, messageOf } from '@kd/core/plain';
import { composedAs } from './composed-as.js';
import type { TellFault } from './faults.js';
import { resolveInside } from './safe-path.js';
import { readText } from './text.js';
import { walk } from './walk.js';
import { readYoloLabel, type YoloLabel, type YoloRule } from './yolo-label.js';

/** The label file of a picture: the last folder named `images` becomes `labels`; without one it lies beside. */
export function labelOf(picture: string): string {
  const parts = picture.split('/');
  const last = parts.lastIndexOf('images', parts.length - 2);
  if (last >= 0) parts[last] = 'labels';
  return parts.join('/').replace(/\.[^./]*$/, '') + '.txt';
}

/** Texts that annotation tools and exports put beside the labels. */
const OTHERS = /^(?:classes|labels|names|train|val|valid|test|readme.*)\.txt$/i;

/**
 * Tells what is odd about label files that are all in order: one that belongs to no picture, most likely by its name;
 * one that belongs to two.
 * @param pictures of the split
 * @param folders that it names, whose label folders are searched
 */
export async function noteLabelFiles(
  root: string,
  pictures: readonly string[],
  folders: readonly string[],
  note: (file: string, why: string) => void,
): Promise<void> {
  const owners = new Map<string, string>();
  for (const picture of pictures) {
    const label = labelOf(picture);
    const other = owners.get(label);
    if (other === undefined) owners.set(label, picture);
    else note(picture, `its label file ${label} is that of ${other}, too`);
  }
  const searched = new Set(folders.map((folder) => posix.dirname(labelOf(`${folder}/x.png`))));
  const found = new Set<string>();
  for (const folder of searched) {
    // One that is not there, or a link out of the set, is told where its files are read.
    const files = await walk(root, folder === '.' ? '' : folder, () => undefined).catch(() => []);
    for (const file of files) if (/\.txt$/i.test(file) && !OTHERS.test(posix.basename(file))) found.add(file);
  }
  const known = new Set([...owners.keys()].map((label) => label.normalize('NFC')));
  const [first, ...more] = [...found].filter((file) => !known.has(file.normalize('NFC')));
  if (first !== undefined)
    note(first, `there is no picture to this label file${more.length === 0 ? '' : `, nor to ${more.length} more`}`);
}

/**
 * The rows of a label file; none where there is no file: then the picture has no object.
 * @param label below the folder of the set
 * @throws KdError DATA_INVALID for what is no file, and for a link that leads nowhere or out of the folder
 */
export async function readLabelFile(
  root: string,
  label: string,
  rule: YoloRule,
  tell: TellFault,
): Promise<YoloLabel & { readonly there: boolean }> {
  const { path } = await composedAs(root, label);
  const file = join(root, path);
  const missing = await lstat(file).then(
    () => false,
    (cause: NodeJS.ErrnoException) => cause.code === 'ENOENT',
  );
  if (missing) return { rows: [], repeats: [], there: false };
  try {
    const text = await readText(await resolveInside(root, path));
    return { ...readYoloLabel(text, file, rule, tell), there: true };
  } catch (cause) {
    const why = cause instanceof KdError ? cause.message : `${file} cannot be read: ${messageOf(cause)}.`;
    throw new KdError('DATA_INVALID', why, { cause });
  }
}
