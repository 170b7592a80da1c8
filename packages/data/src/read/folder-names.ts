import { basename, dirname, join } from 'node:path';

/**
 * A name for each folder: its own, with as many of the folders above as are needed to tell them apart; the same name
 * for the same folder. Null where nothing tells them apart.
 * @param folders without slashes at the end
 */
export function folderNames(folders: readonly string[]): readonly string[] | null {
  const distinct = new Set(folders).size;
  let names = folders.map((folder) => basename(folder));
  for (let above = folders.map(dirname); new Set(names).size < distinct; above = above.map(dirname)) {
    if (above.every((one) => dirname(one) === one)) return null;
    names = names.map((name, i) => join(basename(above[i]!), name));
  }
  return names.map((name) => name.replaceAll('\\', '/'));
}
