import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { KdError, messageOf } from './errors.js';

/**
 * Writes a file so that a reader sees the old content or the new one, never a part: to a temporary name in the same
 * folder, flushed, then renamed. Nothing is left behind when it fails (a full disk, say).
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(file);
  const temporary = join(folder, `.${basename(file)}.${randomUUID().slice(0, 8)}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
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
