import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';

/**
 * Names for the drawn images; two images of one name in different folders get different ones, and none gets the name
 * of an image that is read.
 */
export function drawnNames(out: string, images: readonly string[]): (file: string) => string {
  const taken = new Set<string>();
  const read = new Set(images.map(realPath));
  return (file) => {
    const stem = basename(file, extname(file));
    let name = `${stem}.png`;
    for (let n = 2; taken.has(name) || read.has(realPath(join(out, name))); n++) name = `${stem}-${n}.png`;
    taken.add(name);
    return name;
  };
}

/** Pictures in the folder that neither were drawn now nor are among those that were read: of an earlier call, say. */
export async function olderPictures(
  out: string,
  images: readonly string[],
  drawn: ReadonlySet<string>,
): Promise<string[]> {
  const read = new Set(images.map(realPath));
  const names = await readdir(out);
  return names
    .filter((name) => name.endsWith('.png') && !drawn.has(name) && !read.has(realPath(join(out, name))))
    .sort();
}

/** Without links; of a file that is not there, its name as it is. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}
