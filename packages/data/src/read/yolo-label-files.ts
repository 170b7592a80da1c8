import { posix } from 'node:path';
import { walk } from './walk.js';

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
    for (const file of files) if (file.endsWith('.txt') && !OTHERS.test(posix.basename(file))) found.add(file);
  }
  const [first, ...more] = [...found].filter((file) => !owners.has(file));
  if (first !== undefined)
    note(first, `there is no picture to this label file${more.length === 0 ? '' : `, nor to ${more.length} more`}`);
}
