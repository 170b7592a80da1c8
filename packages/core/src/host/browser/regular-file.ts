import { fileAt, filesBelow } from './memory-files.js';

/**
 * Reads a file of the page's memory; `writeFileAtomic` puts one there.
 * @throws Error that says what lies there
 */
export async function readRegularFile(file: string): Promise<Uint8Array> {
  await checkRegularFile(file);
  // A copy: tensors are views of what was read.
  return fileAt(file)!.slice();
}

export const readRegularText = async (file: string): Promise<string> =>
  new TextDecoder().decode(await readRegularFile(file));

export const isFolder = async (path: string): Promise<boolean> =>
  fileAt(path) === undefined && filesBelow(path).length > 0;

/** @returns its size in bytes */
export async function checkRegularFile(file: string): Promise<number> {
  const found = fileAt(file);
  if (found !== undefined) return found.length;
  if (await isFolder(file)) throw new Error('it is a folder, where a file is wanted');
  const cause = new Error(
    `the memory of this page has no file ${file}; in a browser, writeFileAtomic("${file}", bytes) of @kd/core puts what was fetched there`,
  );
  throw Object.assign(cause, { code: 'ENOENT' });
}
