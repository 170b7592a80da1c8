import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { KdError, messageOf } from '../../errors.js';
import { makeFolder } from './files.js';
import { isAlive, OWN_IDENTITY } from './process-identity.js';
import { checkText } from '../../members.js';

/** `.<name>.<pid>-<start>.<8 hex>.tmp`: whose it is, so that what a killed process left can be told from a write. */
const TEMPORARY = /^\..+\.(\d+-\d+)\.[0-9a-f]{8}\.tmp$/;

/** A name beside a file, for a moment. */
export const temporaryName = (file: string): string =>
  join(dirname(file), `.${basename(file)}.${OWN_IDENTITY}.${randomUUID().slice(0, 8)}.tmp`);

/**
 * Writes a file so that a reader sees the old content or the new one, never a part: to a temporary name in the same
 * folder, flushed, then renamed. Nothing is left behind when it fails (a full disk, say).
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  checkText(file, 'the name of a file to write');
  const folder = dirname(file);
  const temporary = temporaryName(file);
  try {
    await makeFolder(folder);
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new KdError(
      'FILE_WRITE',
      `${file} could not be written: ${messageOf(cause)}. The previous content is untouched.`,
      { cause },
    );
  }
}

/**
 * Removes what killed processes left of their writes in a folder and below it; of a living one nothing.
 * @returns the files that are gone
 */
export async function removeLeftovers(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const left = entries
    .filter((entry) => entry.isFile() && !isAlive(TEMPORARY.exec(entry.name)?.[1] ?? OWN_IDENTITY))
    .map((entry) => join(entry.parentPath, entry.name));
  await Promise.all(left.map((file) => rm(file, { force: true })));
  return left;
}
