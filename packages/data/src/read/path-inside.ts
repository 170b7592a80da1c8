import { realpath } from 'node:fs/promises';
import { isAbsolute, join, posix, relative, sep, win32 } from 'node:path';
import { KdError } from '@kd/core/plain';
import { composedAs, isThere } from './composed-as.js';
import { didYouMean } from './name-hint.js';

/** A path below a folder, and what had to be read into it. */
export interface PathInside {
  /** With `/`; empty: the folder itself. */
  readonly path: string;
  readonly why?: string;
}

/**
 * Where a path of a file leads that may climb (`../images/a.jpg`), as long as it stays in the folder. Backslashes are
 * read as `/`, and an absolute path inside of the folder as the rest of it. Links are seen by `resolveInside`.
 * @param base where the path starts from, below the folder
 * @param above a `../` in front is taken off where it leaves the folder and the path without it exists
 * @throws KdError DATA_INVALID for a URL and for a path out of the folder
 */
export async function pathInside(
  given: string,
  { folder, base, where, above = false }: { folder: string; base: string; where: string; above?: boolean },
): Promise<PathInside> {
  if (isUrl(given))
    throw await refused(
      folder,
      given,
      `${where}: "${given}" is a URL, and nothing is downloaded; fetch it, and write where it lies in the folder.`,
    );
  if (isAbsolute(given)) {
    const path = await restBelow(folder, given);
    if (path !== null) return { path, why: `the absolute path "${given}" is read as ${path || '.'}` };
  }
  const slashed = given.includes('\\') && !(await isThere(join(folder, base, given)));
  const name = slashed ? given.replaceAll('\\', '/') : given;
  const path = below(base, name);
  if (path !== null) {
    const found = await composedAs(folder, path);
    const why = slashed ? `the name "${given}" is read as ${path}: folders are parted by /` : found.why;
    return why === undefined ? found : { ...found, why };
  }
  const climbing = posix.normalize(name);
  const shorter = above && /^\.\.(?:\/|$)/.test(climbing) ? below(base, climbing.replace(/^\.\.\/?/, '')) : null;
  if (shorter !== null && (await isThere(join(folder, shorter))))
    return {
      path: shorter,
      why: `the path "${given}" leaves the folder, and is read as ${shorter || '.'}, which is there`,
    };
  throw await refused(
    folder,
    given,
    `${where}: the path "${given}" leaves the folder ${folder}; write one inside of it.`,
  );
}

export const isUrl = (name: string): boolean => /^[a-z][a-z\d+.-]+:\/\//i.test(name);

/** null: it leads out. */
function below(base: string, name: string): string | null {
  if (posix.isAbsolute(name) || win32.isAbsolute(name) || name.includes('\0')) return null;
  const path = posix.join(base, name).replace(/\/+$/, '');
  if (path === '..' || path.startsWith('../')) return null;
  return path === '.' ? '' : path;
}

/** The rest of an absolute path below the folder, links followed where the spelling alone does not tell. */
export async function restBelow(folder: string, path: string): Promise<string | null> {
  const real = (one: string): Promise<string> => realpath(one).catch(() => one);
  for (const rest of [relative(folder, path), relative(await real(folder), await real(path))])
    if (rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest)) return rest;
  return null;
}

const refused = async (folder: string, given: string, message: string): Promise<KdError> =>
  new KdError('DATA_INVALID', message + (await didYouMean(folder, given)));
