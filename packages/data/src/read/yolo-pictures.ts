import { stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { KdError, messageOf } from '@kd/core/plain';
import { attemptLater, type TellFault } from './faults.js';
import { didYouMean } from './name-hint.js';
import { pathInside } from './path-inside.js';
import { resolveInside } from './safe-path.js';
import { readText } from './text.js';
import { isPicture, walk } from './walk.js';
import type { Placed } from './yolo-file.js';

/** A picture of a split; `file` is its path below the folder of the set. */
export interface YoloPicture {
  readonly file: string;
  /** Where it is listed, for messages. */
  readonly where: string;
}

export interface YoloPlace {
  /** Folder of `data.yaml`; nothing outside of it is read. */
  readonly folder: string;
  /** What `path` says, below the folder. */
  readonly base: string;
  /** A sentence for the end of a message about a path that is not there. */
  readonly hint: string;
}

/**
 * The pictures of a split: of folders with all that is below them, and of lists, one path a line.
 * @param note takes what had to be read into a path
 */
export async function yoloPictures(
  split: readonly Placed[],
  { folder, base, hint }: YoloPlace,
  note: (file: string, why: string) => void,
  tell: TellFault,
): Promise<{ readonly pictures: readonly YoloPicture[]; readonly folders: readonly string[] }> {
  const folders: string[] = [];
  const seen = new Map<string, string>();
  const pictures: YoloPicture[] = [];
  const add = (file: string, where: string): void => {
    const first = seen.get(file);
    if (first !== undefined)
      throw new KdError('DATA_INVALID', `${where}: ${file} is a picture of ${first} already; take it once.`);
    seen.set(file, where);
    pictures.push({ file, where });
  };
  for (const { text, where } of split) {
    await attemptLater(tell, async () => {
      const { path, why } = await pathInside(text, { folder, base, where, above: true });
      if (why !== undefined) note(path, why);
      const kind = await kindOf(join(folder, path), where, async () => (await didYouMean(folder, text)) + hint);
      if (kind === 'folder') {
        folders.push(path);
        const files = await walk(folder, path, (link) => note(link, 'the link to a folder is not followed'));
        const found = files.filter(isPicture);
        if (found.length === 0)
          throw new KdError('DATA_INVALID', `${where}: there are no pictures in ${join(folder, path)}.`);
        for (const file of found) await attemptLater(tell, async () => add(file, where));
      } else if (/\.txt$/i.test(path)) await readList(path, folder, { add, note, tell });
      else
        throw new KdError(
          'DATA_INVALID',
          `${where}: ${text} is a file; a folder of pictures or a .txt with their paths is wanted.`,
        );
    });
  }
  return { pictures, folders };
}

async function kindOf(path: string, where: string, hint: () => Promise<string>): Promise<'folder' | 'file'> {
  const found = await stat(path).catch(async (cause: unknown) => {
    throw new KdError(
      'DATA_INVALID',
      `${where}: ${path} does not exist; paths start from the folder of the file, and from "path" in it.${await hint()}`,
      { cause },
    );
  });
  return found.isDirectory() ? 'folder' : 'file';
}

interface Taker {
  add(file: string, where: string): void;
  note(file: string, why: string): void;
  readonly tell: TellFault;
}

/** Paths of a list start from its folder. */
async function readList(list: string, folder: string, { add, note, tell }: Taker): Promise<void> {
  await resolveInside(folder, list);
  const file = join(folder, list);
  const text = await readText(file).catch((cause: unknown) => {
    throw new KdError('DATA_INVALID', `${file} cannot be read: ${messageOf(cause)}.`, { cause });
  });
  const lines = text.split(/\r\n|\r|\n/);
  let count = 0;
  for (const [i, line] of lines.entries()) {
    const given = line.trim();
    if (given === '') continue;
    count++;
    await attemptLater(tell, async () => {
      const where = `${file}, line ${i + 1}`;
      const { path, why } = await pathInside(given, { folder, base: posix.dirname(list), where, above: true });
      if (why !== undefined) note(path, why);
      add(path, where);
    });
  }
  if (count === 0) throw new KdError('DATA_INVALID', `${file} lists no pictures.`);
}
