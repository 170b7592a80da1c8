import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { KdError } from '@kd/core/plain';
import { PICTURE_NAME } from '../image-files.js';
import { composedAs } from './composed-as.js';

/** Per sub folder: the files of each stem. */
export type Listing = Map<string, ReadonlyMap<string, readonly string[]>>;

/** The name at the end of a path, whichever slash it was written with. */
export const lastPart = (path: string): string => path.replace(/^.*[/\\]/, '');

/**
 * The file with that stem in the image folder; among several the pictures (tools put `.txt`, `.json` or `.xml` of the
 * same stem beside them), and among these the one that <filename> names.
 * @throws KdError DATA_INVALID where there is none, or no single one
 */
export async function pictureOf(
  stem: string,
  folder: string,
  filename: string | null,
  listing: Listing,
  xml: string,
): Promise<string> {
  const { path: sub } = await composedAs(folder, posix.dirname(stem));
  if (!listing.has(sub)) listing.set(sub, await filesByStem(join(folder, sub)));
  const found = filesOf(posix.basename(stem), listing.get(sub)!);
  const pictures = found.length > 1 ? found.filter((name) => PICTURE_NAME.test(name)) : found;
  const named = filename === null ? null : lastPart(filename);
  const chosen =
    pictures.length > 1
      ? (pictures.find((name) => name === named) ??
        single(pictures.filter((name) => name.toLowerCase() === named?.toLowerCase())))
      : pictures[0];
  if (chosen === undefined) {
    const why =
      found.length > 1
        ? `the files ${found.join(', ')} all have that stem; leave one picture, or name it in <filename>`
        : `there is no image ${stem}.* in ${folder}; add it or take "${stem}" out of the split`;
    throw new KdError('DATA_INVALID', `${xml}: ${why}.`);
  }
  return posix.join(sub, chosen);
}

/** By the same letters where the stem is not there as it stands: annotations and pictures may come from two systems. */
function filesOf(stem: string, stems: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const exact = stems.get(stem);
  if (exact !== undefined || stem.normalize('NFC') === stem.normalize('NFD')) return exact ?? [];
  return stems.get(stem.normalize('NFC')) ?? stems.get(stem.normalize('NFD')) ?? [];
}

const single = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined);

async function filesByStem(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const stems = new Map<string, string[]>();
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const stem = name.replace(/\.[^.]*$/, '');
    stems.set(stem, [...(stems.get(stem) ?? []), name]);
  }
  return stems;
}
