import { KdError } from '@kd/core/plain';
import { readImageSize, type ImageSize } from '../decode/decode.js';
import { resolveInside } from './safe-path.js';

export interface SizeQuestion {
  readonly maxPixels: number;
  /** What the annotations say instead of a size; null where they say nothing. */
  readonly noSize: string | null;
  /** File and entry, told where the picture cannot be read. */
  readonly where: string;
}

/**
 * The size of a picture whose annotations declare none. Noted where they declare something else, and where EXIF turns
 * the picture: nothing tells which way up its boxes are meant.
 * @throws KdError IMAGE_INVALID
 */
export async function sizeOfPicture(
  folder: string,
  file: string,
  { maxPixels, noSize, where }: SizeQuestion,
  note: (why: string) => void,
): Promise<ImageSize> {
  const size = await resolveInside(folder, file)
    .then((path) => readImageSize(path, maxPixels))
    .catch((thrown: unknown) => {
      if (!(thrown instanceof KdError) || noSize === null) throw thrown;
      const why = `${where}: ${noSize}, and the picture cannot be read: ${thrown.message}`;
      throw new KdError(thrown.code, why, { cause: thrown.cause });
    });
  if (noSize !== null) note(`${noSize}; the picture has ${size.width}x${size.height}`);
  if (size.turned)
    note('EXIF turns the picture, and no size is declared that tells which way up its boxes are meant; it is turned');
  return size;
}
