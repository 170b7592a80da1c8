import { KdError, messageOf, readRegularText } from '@kd/core';

/** @throws KdError DATA_INVALID for a file that cannot be read; `what` it is follows its name */
export async function readGivenJson(file: string, what: string): Promise<unknown> {
  try {
    return JSON.parse(await readRegularText(file)) as unknown;
  } catch (cause) {
    throw new KdError('DATA_INVALID', `${file}, ${what}, cannot be read: ${messageOf(cause)}.`, { cause });
  }
}
