import { isUtf8 } from 'node:buffer';
import { readRegularFile } from '@kd/core/plain';

/**
 * The text of a file in UTF-8, without its byte order mark.
 * @throws Error of the system, or one that says what lies there
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readRegularFile(file);
  checkUtf8(bytes);
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

/**
 * Other encodings, as spreadsheets and shells of Windows write them, would turn letters of names into others in
 * silence.
 * @throws Error
 */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new Error('its text is not valid UTF-8; save it as UTF-8');
}
