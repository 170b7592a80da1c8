import { normalize } from 'node:path';
import { KdError } from '@kd/core/plain';
import { folderNames } from './folder-names.js';
import { from } from './safe-path.js';

/** One annotations file of a set, with the folder of its images. */
export interface CocoPart {
  readonly file: string;
  readonly folder: string;
  /** Goes before the names of its images, e.g. `train/`; empty where all parts have one folder. */
  readonly prefix: string;
}

/** One name as a list of one. */
export const listOf = (given: string | readonly string[]): readonly string[] =>
  typeof given === 'string' ? [given] : given;

/**
 * Each annotations file with its image folder: one for all, or one for each in their order.
 * @throws KdError CONFIG_INVALID for numbers that do not fit, and a file that is given twice
 */
export function cocoParts(
  annotations: string | readonly string[],
  images: string | readonly string[],
  folder: string,
): readonly CocoPart[] {
  const files = listOf(annotations).map((file) => normalize(from(folder, file)));
  const given = listOf(images).map((one) => normalize(from(folder, one)).replace(/(?<=.)[/\\]+$/, ''));
  if (given.length !== 1 && given.length !== files.length)
    throw new KdError(
      'CONFIG_INVALID',
      `coco: there are ${files.length} files of annotations and ${given.length} folders of images; give one folder for all, or one for each file in their order.`,
    );
  const twice = files.find((file, i) => files.indexOf(file) !== i);
  if (twice !== undefined)
    throw new KdError('CONFIG_INVALID', `coco: the annotations ${twice} are listed twice; list each file once.`);
  const folders = files.map((_, i) => given[i] ?? given[0]!);
  const names = new Set(folders).size === 1 ? null : folderNames(folders);
  return files.map((file, i) => ({ file, folder: folders[i]!, prefix: names === null ? '' : `${names[i]!}/` }));
}
