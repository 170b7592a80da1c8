import { isUtf8 } from 'node:buffer';
import { KdError, messageOf, readRegularFile } from '@kd/core/plain';

/**
 * The text of a file in UTF-8, without its byte order mark.
 * @throws Error of the system, or one that says what lies there
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readRegularFile(file);
  checkUtf8(bytes);
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

/** As {@link readText}, of a file of a data set. @throws KdError DATA_INVALID that says why it cannot be read */
export const readDataText = (file: string): Promise<string> =>
  readText(file).catch((cause: unknown) => unreadable(file, cause));

/** @throws KdError DATA_INVALID that says why a file cannot be opened */
export function unreadable(file: string, cause: unknown): never {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  throw new KdError(
    'DATA_INVALID',
    `${file} ${missing ? 'does not exist; check the path' : `cannot be read: ${messageOf(cause)}`}.`,
    { cause },
  );
}

/**
 * Other encodings, as spreadsheets and shells of Windows write them, would turn letters of names into others in
 * silence.
 * @throws Error
 */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new Error('its text is not valid UTF-8; save it as UTF-8');
}
