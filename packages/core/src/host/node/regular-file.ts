import { readFile, stat } from 'node:fs/promises';

/**
 * Reads a file that is one: a FIFO would wait for its writer for ever, a device may never end.
 * @throws Error of the system, or one that says what lies there
 */
export async function readRegularFile(file: string): Promise<Buffer> {
  await checkRegularFile(file);
  return readFile(file);
}

/** As {@link readRegularFile}, as text in UTF-8. */
export const readRegularText = async (file: string): Promise<string> => (await readRegularFile(file)).toString('utf8');

/** What is not there is no folder: whoever reads it tells. */
export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/**
 * For those that open the file themselves.
 * @returns its size in bytes
 * @throws Error that says what lies there
 */
export async function checkRegularFile(file: string): Promise<number> {
  const found = await stat(file);
  if (found.isFile()) return found.size;
  const kind = found.isDirectory()
    ? 'a folder'
    : found.isFIFO()
      ? 'a FIFO'
      : found.isSocket()
        ? 'a socket'
        : 'a device';
  throw new Error(`it is ${kind}, where a file is wanted`);
}
