import { realpath } from 'node:fs/promises';
import { isAbsolute, join, posix, sep, win32 } from 'node:path';
import { KdError, messageOf } from '@kd/core/plain';
import { didYouMean } from './name-hint.js';

/**
 * Refuses a name that leads out of its folder by its spelling alone; links are seen by {@link resolveInside}.
 * @param where told in the message, e.g. `train.json: image 7`
 * @param instead what to do, where that is known
 */
export function checkRelative(name: string, where: string, instead = ''): void {
  const parts = name.split(/[/\\]/);
  if (name === '' || name.includes('\0') || posix.isAbsolute(name) || win32.isAbsolute(name) || parts.includes('..')) {
    throw new KdError(
      'DATA_INVALID',
      `${where}: the path "${name.replaceAll('\0', '\\0')}" leaves its folder; ${instead || 'write a path inside of it, without ".."'}.`,
    );
  }
}

/**
 * The real path of a file in a folder.
 * @throws KdError IMAGE_INVALID when it does not exist or a link leads out of the folder
 */
export async function resolveInside(folder: string, name: string): Promise<string> {
  checkRelative(name, folder);
  const file = join(folder, name);
  const [base, real] = await Promise.all([realpath(folder), realpath(file)]).catch(async (cause: unknown) => {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new KdError(
      'IMAGE_INVALID',
      missing
        ? `${file} does not exist; check the folder and the name.${await didYouMean(folder, name)}`
        : `${file} cannot be read: ${messageOf(cause)}`,
      { cause },
    );
  });
  if (!real.startsWith(base.endsWith(sep) ? base : base + sep)) {
    throw new KdError(
      'IMAGE_INVALID',
      `${file} is a link to ${real}, which leaves the folder ${base}; put a copy there instead.`,
    );
  }
  return real;
}

/** Whether a fault of {@link resolveInside} is that the file is not there. */
export const isMissing = ({ cause }: KdError): boolean =>
  (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

/** A folder or file that a person named: taken from `folder` unless it is absolute. */
export const from = (folder: string, path: string): string => (isAbsolute(path) ? path : join(folder, path));
