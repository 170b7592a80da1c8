import { KdError, messageOf, writeFileAtomic } from '@kd/core';
import { type OnProgress, sha256Of } from '@kd/core/wheels';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file as it was when it was set up. */
interface KeptFile {
  readonly size: number;
  readonly mtimeMs: number;
  readonly sha256: string;
}

type KeptFiles = Readonly<Record<string, KeptFile>>;

/** Lies in each folder that was set up, beside the files it lists. */
const LIST = 'set-up.json';

/** Writes down size, time and SHA-256 of every file of a folder. */
export async function keepHashes(folder: string): Promise<void> {
  const files: Record<string, KeptFile> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || file === join(folder, LIST)) continue;
    const { size, mtimeMs } = await stat(file);
    files[file.slice(folder.length + 1)] = { size, mtimeMs, sha256: await sha256Of(file) };
  }
  await writeList(folder, files);
}

const writeList = (folder: string, files: KeptFiles): Promise<void> =>
  writeFileAtomic(join(folder, LIST), `${JSON.stringify({ version: 1, files }, null, 1)}\n`);

export interface Comparison {
  /** What is not as it was set up, a part of a sentence each. */
  readonly faults: readonly string[];
  /** Files whose bytes are the same and whose time is not, as it is now. */
  readonly touched: KeptFiles;
  readonly files: KeptFiles;
}

/**
 * Compares a folder with its list: size and time of every file, and the hash where the time differs; with `all`, every
 * hash. Null where no list was kept.
 */
export async function compareHashes(folder: string, { all }: { readonly all: boolean }): Promise<Comparison | null> {
  const files = await readList(folder);
  if (files === null) return null;
  if (typeof files === 'string') return { faults: [files], touched: {}, files: {} };
  const faults: string[] = [];
  const touched: Record<string, KeptFile> = {};
  for (const [name, kept] of Object.entries(files)) {
    const file = join(folder, name);
    const now = await stat(file).catch(() => null);
    if (now?.isFile() !== true) faults.push(`${name} is gone`);
    else if (now.size !== kept.size) faults.push(`${name} has ${now.size} bytes, and had ${kept.size}`);
    else if (all || now.mtimeMs !== kept.mtimeMs) {
      if ((await sha256Of(file).catch(messageOf)) !== kept.sha256) faults.push(`${name} holds other bytes`);
      else if (now.mtimeMs !== kept.mtimeMs) touched[name] = { ...kept, mtimeMs: now.mtimeMs };
    }
  }
  return { faults, touched, files };
}

/** The list of a folder, null where there is none, or why it cannot be read. */
async function readList(folder: string): Promise<KeptFiles | string | null> {
  const file = join(folder, LIST);
  if (!existsSync(file)) return null;
  try {
    const { version, files } = JSON.parse(await readFile(file, 'utf8')) as { version?: unknown; files?: unknown };
    if (version === 1 && typeof files === 'object' && files !== null && Object.values(files).every(isKept))
      return files as KeptFiles;
    return `${LIST}, the list of its hashes, is damaged`;
  } catch (cause) {
    return `${LIST}, the list of its hashes, cannot be read (${messageOf(cause)})`;
  }
}

const isKept = (one: unknown): boolean => {
  const { size, mtimeMs, sha256 } = (one ?? {}) as Partial<KeptFile>;
  return typeof size === 'number' && typeof mtimeMs === 'number' && typeof sha256 === 'string';
};

/**
 * Once a process: refuses a folder whose files are not those that were set up. Times that changed alone (a copied
 * cache) are noted in the list; a folder that an earlier version set up gets its list now.
 * @throws KdError ENGINE_UNAVAILABLE naming the files, and how to set them up anew
 */
export async function checkSetUp(folder: string, onProgress: OnProgress): Promise<void> {
  const compared = await compareHashes(folder, { all: false });
  if (compared === null) {
    onProgress({
      stage: 'check',
      message: `${folder} was set up before hashes were kept; they are kept from now on, of its files as they are`,
    });
    return keep(keepHashes(folder), onProgress);
  }
  const { faults, touched, files } = compared;
  if (faults.length > 0) throw new KdError('ENGINE_UNAVAILABLE', damage(folder, faults));
  if (Object.keys(touched).length > 0) await keep(writeList(folder, { ...files, ...touched }), onProgress);
}

/** What is told of a damaged set-up, here and by `kd doctor`. */
export const damage = (folder: string, faults: readonly string[]): string =>
  `${folder} is not as it was set up: ${faults.slice(0, 3).join('; ')}${faults.length > 3 ? `; and ${faults.length - 3} more` : ''}. ` +
  'It was not loaded. Set it up anew: kd engine install --force';

/** A cache that is shared may be there to read only. */
const keep = (written: Promise<void>, onProgress: OnProgress): Promise<void> =>
  written.catch((cause: unknown) =>
    onProgress({
      stage: 'check',
      message: `the hashes could not be kept, and are made again next time: ${messageOf(cause)}`,
    }),
  );
