import { isAbsolute, join } from 'node:path';
import { KdError } from '@kd/core/plain';
import { composedAs, isThere } from './composed-as.js';
import { didYouMean } from './name-hint.js';
import { isUrl, restBelow } from './path-inside.js';
import { checkRelative } from './safe-path.js';

/** A file of the image folder, and what had to be read into its name. */
export interface ImageName {
  readonly file: string;
  readonly why?: string;
}

/**
 * The file that a `file_name` means. Backslashes are read as `/`, and an absolute path inside of the folder as the rest
 * of it: some tools write these.
 * @param where told in the message, e.g. `train.json: image 7`
 * @throws KdError DATA_INVALID for a URL and for a path out of the folder
 */
export async function imageName(given: string, folder: string, where: string): Promise<ImageName> {
  try {
    if (isUrl(given))
      throw new KdError(
        'DATA_INVALID',
        `${where}: "${given}" is a URL, and images are not downloaded; fetch them, and write where they lie in the image folder.`,
      );
    if (isAbsolute(given)) {
      const file = await restBelow(folder, given);
      if (file) return { file, why: `the absolute path "${given}" is read as ${file}` };
    }
    checkRelative(given, where);
  } catch (error) {
    throw error instanceof KdError ? new KdError(error.code, error.message + (await didYouMean(folder, given))) : error;
  }
  const slashed = given.includes('\\') && !(await isThere(join(folder, given)));
  const { path: file, why } = await composedAs(folder, slashed ? given.replaceAll('\\', '/') : given);
  if (slashed) return { file, why: `the name "${given}" is read as ${file}: folders are parted by /` };
  return why === undefined ? { file } : { file, why };
}
