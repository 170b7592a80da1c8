import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { KdError } from '@kd/core';

/**
 * A package of the project of the working directory, which this command does not bring along.
 * @param lacking the line that adds it
 * @throws KdError PLUGIN_NOT_FOUND
 */
export async function projectPackage<Exports>(name: string, lacking: string): Promise<Exports> {
  let file: string;
  try {
    file = createRequire(join(process.cwd(), 'package.json')).resolve(name);
  } catch (cause) {
    throw new KdError(
      'PLUGIN_NOT_FOUND',
      `${name} is not installed for the project of this folder. To add it: ${lacking}`,
      { cause },
    );
  }
  return (await import(pathToFileURL(file).href)) as Exports;
}
