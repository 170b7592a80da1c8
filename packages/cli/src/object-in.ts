import { join } from 'node:path';
import { isObject, readRegularText } from '@kd/core';

/** A file of a folder as an object; null where it is not there, or damaged. */
export async function objectIn(folder: string, name: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const value = JSON.parse(await readRegularText(join(folder, name))) as unknown;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
