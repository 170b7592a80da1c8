import { rmSync } from 'node:fs';
import { lstat, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { KdError, messageOf, writeFileAtomic } from '@kd/core';
import { shownPath } from '../shown-path.js';
import type { Exported } from './format.js';

/** @throws KdError USAGE where there is something already that would be lost; an empty folder is none */
export async function refuseTaken(out: string): Promise<void> {
  // A link to nothing would be replaced as well.
  const found = await stat(out)
    .catch(() => lstat(out))
    .catch(() => null);
  if (found === null) return;
  if (found.isDirectory() && (await readdir(out)).length === 0) return;
  throw new KdError(
    'USAGE',
    `${shownPath(out)} is there already${found.isDirectory() ? ' and is not empty' : ''}; name another one, or remove it first. Nothing has been written.`,
  );
}

/** Writes a file, or a folder under another name that it loses when all is in it. @returns bytes */
export async function writeExported(out: string, content: Exported['content']): Promise<number> {
  if (content instanceof Uint8Array) {
    const folder = await stat(out).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (folder)
      throw new KdError('USAGE', `${shownPath(out)} is a folder, and this format is one file: name the file in it.`);
    await writeFileAtomic(out, content);
    return content.byteLength;
  }
  const temporary = join(dirname(out), `.${basename(out)}.${randomUUID().slice(0, 8)}.tmp`);
  const remove = (): void => rmSync(temporary, { recursive: true, force: true });
  process.once('exit', remove); // Ctrl-C
  let bytes = 0;
  try {
    for (const [name, part] of content) {
      await writeFileAtomic(join(temporary, ...name.split('/')), part);
      bytes += Buffer.byteLength(part);
    }
    await rmdir(out).catch(() => {});
    await rename(temporary, out);
  } catch (thrown) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // a file may stand where it would be
    const cause = thrown instanceof KdError ? thrown.cause : thrown;
    throw new KdError('FILE_WRITE', `${out} could not be written: ${messageOf(cause)}. Nothing of it is left.`, {
      cause,
    });
  } finally {
    process.off('exit', remove);
  }
  return bytes;
}
