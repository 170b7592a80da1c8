import { existsSync } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isFolder, KdError, messageOf } from '@kd/core/plain';
import { glob, isDynamicPattern } from 'tinyglobby';
import { imageFormat } from './decode/content.js';

/** What a picture's name ends in. */
export const PICTURE_NAME = /\.(?:jpe?g|jfif|png|webp|gif|tiff?|avif|bmp)$/i;

/** As many first bytes as tell a format. */
const HEAD = 32;

export interface ImageFiles {
  readonly files: readonly string[];
  /** Files in the folders, or that patterns match, that are no images. */
  readonly others: number;
}

/**
 * Images for a command: files as they are named, all images in the folders that are named and below these, and those
 * that patterns match (`photos/*.jpg`, where no shell has put files for it), sorted by their paths. In a folder or by a
 * pattern, an image is what begins like one, or is called like one: a damaged picture is to be told, not passed over.
 * Hidden files and folders are left out, links to folders not followed. What is there under a name that looks like a
 * pattern is that file.
 * @param except a folder that is left out, such as that of the results
 * @throws KdError IMAGE_INVALID for a folder without images, or one that cannot be read, and for a pattern that no
 *   image matches
 */
export async function imageFiles(named: readonly string[], except?: string): Promise<ImageFiles> {
  const found: string[] = [];
  let others = 0;
  const leftOut = except === undefined ? null : resolve(except);
  for (const path of named) {
    const folder = await isFolder(path);
    if (!folder && (existsSync(path) || !isDynamicPattern(path))) {
      found.push(path);
      continue;
    }
    const { files, others: beside } = await (folder ? imagesBelow(path, leftOut) : imagesLike(path, leftOut));
    if (files.length === 0) {
      const only = beside === 0 ? '' : `, only ${beside} other ${beside === 1 ? 'file' : 'files'}`;
      throw new KdError(
        'IMAGE_INVALID',
        folder
          ? `There are no images in the folder ${path} or below it${only}; name a folder with images, or the images themselves.`
          : `No image matches ${path}${only}; name a folder with images, or another pattern, such as photos/**/*.jpg.`,
      );
    }
    found.push(...files);
    others += beside;
  }
  return { files: found, others };
}

/**
 * What a pattern matches, as paths from where it starts: from here, or from the root. A folder that is linked as well
 * is taken once.
 */
async function imagesLike(pattern: string, except: string | null): Promise<{ files: string[]; others: number }> {
  const leftOut = except === null ? null : `${await realpath(except).catch(() => except)}${sep}`;
  const seen = new Set<string>();
  const files: string[] = [];
  let others = 0;
  for (const path of (await glob(pattern, { absolute: true, expandDirectories: false })).sort()) {
    const place = join(await realpath(dirname(path)), basename(path));
    if (seen.has(place) || (leftOut !== null && place.startsWith(leftOut))) continue;
    seen.add(place);
    if (await isImage(path)) files.push(isAbsolute(pattern) ? path : relative('.', path));
    else others++;
  }
  return { files, others };
}

async function imagesBelow(folder: string, except: string | null): Promise<{ files: string[]; others: number }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new KdError('IMAGE_INVALID', `The folder ${folder} cannot be read: ${messageOf(cause)}.`, { cause });
  });
  const files: string[] = [];
  let others = 0;
  // A folder's name ends in a slash here, so that paths as a whole are in order.
  const keyed = entries.map((entry) => ({ entry, key: entry.isDirectory() ? `${entry.name}/` : entry.name }));
  for (const { entry } of keyed.sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) {
      if (!entry.isDirectory()) others++;
    } else if (!entry.isDirectory()) {
      if (await isImage(path)) files.push(path);
      else others++;
    } else if (resolve(path) !== except) {
      const below = await imagesBelow(path, except);
      files.push(...below.files);
      others += below.others;
    }
  }
  return { files, others };
}

async function isImage(path: string): Promise<boolean> {
  const file = await stat(path).catch(() => null);
  if (file?.isFile() !== true) return false; // a FIFO would wait for ever
  return PICTURE_NAME.test(path) || imageFormat(await head(path)) !== null;
}

async function head(path: string): Promise<Uint8Array> {
  const handle = await open(path).catch(() => null);
  if (handle === null) return new Uint8Array();
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
