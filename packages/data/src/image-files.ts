import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isFolder, KdError, messageOf } from '@kd/core/plain';
import { imageFormat } from './decode/content.js';

/** What a picture's name ends in. */
export const PICTURE_NAME = /\.(?:jpe?g|jfif|png|webp|gif|tiff?|avif|bmp)$/i;

/** As many first bytes as tell a format. */
const HEAD = 32;

export interface ImageFiles {
  readonly files: readonly string[];
  /** Files in the folders that are no images. */
  readonly others: number;
}

/**
 * Images for a command: files as they are named, and all images in the folders that are named and below these, sorted
 * by their paths. In a folder an image is what begins like one, or is called like one: a damaged picture is to be told,
 * not passed over. Hidden files and folders are left out, links to folders not followed.
 * @param except a folder that is left out, such as that of the results
 * @throws KdError IMAGE_INVALID for a folder without images, or one that cannot be read
 */
export async function imageFiles(named: readonly string[], except?: string): Promise<ImageFiles> {
  const found: string[] = [];
  let others = 0;
  for (const path of named) {
    if (!(await isFolder(path))) {
      found.push(path);
      continue;
    }
    const { files, others: beside } = await imagesBelow(path, except === undefined ? null : resolve(except));
    if (files.length === 0)
      throw new KdError(
        'IMAGE_INVALID',
        `There are no images in the folder ${path} or below it${beside === 0 ? '' : `, only ${beside} other ${beside === 1 ? 'file' : 'files'}`}; name a folder with images, or the images themselves.`,
      );
    found.push(...files);
    others += beside;
  }
  return { files: found, others };
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
      if (await isImage(path, entry)) files.push(path);
      else others++;
    } else if (resolve(path) !== except) {
      const below = await imagesBelow(path, except);
      files.push(...below.files);
      others += below.others;
    }
  }
  return { files, others };
}

async function isImage(path: string, entry: Dirent): Promise<boolean> {
  const file = entry.isSymbolicLink() ? await stat(path).catch(() => entry) : entry;
  if (!file.isFile()) return false; // a FIFO would wait for ever
  return PICTURE_NAME.test(entry.name) || imageFormat(await head(path)) !== null;
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
