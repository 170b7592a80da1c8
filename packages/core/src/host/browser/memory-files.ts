import { resolve } from './paths.js';

/**
 * The files of this page, by their whole paths: a tab has no folders that it may write to as it likes. They are gone
 * with it. A folder is there while a file is in it.
 */
const files = new Map<string, Uint8Array<ArrayBuffer>>();

export const fileAt = (path: string): Uint8Array<ArrayBuffer> | undefined => files.get(resolve(path));

export const putFile = (path: string, content: Uint8Array<ArrayBuffer>): void => void files.set(resolve(path), content);

/** Whole paths of the files in a folder and below it. */
export function filesBelow(folder: string): string[] {
  const whole = resolve(folder);
  const start = whole === '/' ? whole : `${whole}/`;
  return [...files.keys()].filter((path) => path.startsWith(start));
}

/** A file, or a folder with all in it. */
export function dropFiles(path: string): void {
  for (const below of filesBelow(path)) files.delete(below);
  files.delete(resolve(path));
}
