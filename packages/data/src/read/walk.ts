import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { isFolder, KdError, messageOf } from '@kd/core/plain';
import { PICTURE_NAME } from '../image-files.js';
import { resolveInside } from './safe-path.js';

/** Pictures that cannot be decoded, in folders that hold other files, too: refused by name, not passed over. */
const UNDECODED = /\.(?:dib|heic|heif|jp2|jxl|mpo|dng|pfm)$/i;

export const isPicture = (name: string): boolean => PICTURE_NAME.test(name) || UNDECODED.test(name);

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist; check the path',
  ENOTDIR: 'is a file; a folder is wanted',
};

/**
 * The files below a folder, sorted, as paths from `root`. Names that begin with a dot are left out (`._a.jpg` of macOS
 * is no picture), and links to folders are not followed, which is told: they may lead around in circles.
 * @param start below `root`; empty: `root` itself
 * @throws KdError DATA_INVALID, IMAGE_INVALID for a link out of `root`
 */
export async function walk(root: string, start: string, linked: (path: string) => void): Promise<readonly string[]> {
  const files: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((cause: unknown) => {
      const { code } = cause as NodeJS.ErrnoException;
      const why = (code !== undefined && WHY[code]) || `cannot be read: ${messageOf(cause)}`;
      throw new KdError('DATA_INVALID', `${join(root, folder)} ${why}.`, { cause });
    });
    for (const entry of entries.filter(({ name }) => !name.startsWith('.'))) {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) await visit(path);
      else if (entry.isSymbolicLink() && (await isFolder(join(root, path)))) linked(path);
      else files.push(path);
    }
  };
  if (start !== '') await resolveInside(root, start);
  await visit(start);
  return files.sort((a, b) => (a < b ? -1 : 1));
}
