import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Whether a file or folder is there. */
export const exists = (path: string): boolean => existsSync(path);

export const appendText = (file: string, text: string): Promise<void> => appendFile(file, text);

/**
 * With those above it. Node's `recursive` never comes back from a folder that is there and answers ENOENT to new ones,
 * as /proc and automounts do.
 */
export const makeFolder = (path: string): Promise<void> =>
  makeOne(path).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' || dirname(path) === path) throw cause;
    await makeFolder(dirname(path));
    await makeOne(path);
  });

const makeOne = (path: string): Promise<void> =>
  mkdir(path).catch(async (cause: unknown) => {
    if (!(await stat(path).catch(() => null))?.isDirectory()) throw cause;
  });

/** Names in a folder; none where there is no folder. */
export const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

/** A file, or a folder with all in it, whether it is there or not. */
export const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/** A folder that has something in it stays. */
export const removeEmptyFolder = (path: string): Promise<void> => rmdir(path).catch(() => {});

/** A new folder of a name that begins so. */
export const temporaryFolder = (name: string): Promise<string> => mkdtemp(join(tmpdir(), name));
