import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isFolder, KdError } from '@kd/core';

export interface NamedFolder {
  readonly path: string;
  readonly name: string;
}

/**
 * The run folders that paths name: themselves, or, of the folder of a study, those in it. Two of one name are told
 * apart by their paths.
 * @throws KdError RUN_FOLDER for a path that is neither
 */
export async function runFolders(paths: readonly string[]): Promise<readonly NamedFolder[]> {
  const found = (await Promise.all(paths.map(foldersOf))).flat();
  const once = [...new Map(found.map((path) => [resolve(path), path])).values()];
  const names = once.map((path) => basename(resolve(path)));
  return once.map((path, i) => ({ path, name: names.filter((one) => one === names[i]).length > 1 ? path : names[i]! }));
}

async function foldersOf(path: string): Promise<readonly string[]> {
  if (!(await isFolder(path)))
    throw new KdError('RUN_FOLDER', `${path} is no folder; give the folder of a run, or that of a study.`);
  if (existsSync(join(path, 'config.json'))) return [path];
  const runs = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && existsSync(join(path, entry.name, 'config.json')))
    .map(({ name }) => join(path, name))
    .sort();
  if (runs.length > 0) return runs;
  throw new KdError(
    'RUN_FOLDER',
    `${path} is neither the folder of a run nor that of a study: there is no config.json in it, nor in a folder in it. Give the folder that kd train or kd compare wrote with --out.`,
  );
}
