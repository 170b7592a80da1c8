import { basename, dirname, resolve } from 'node:path';
import { consoleLogger } from '@kd/core';
import type { LoadedConfig } from './load-config.js';
import { readOrigin } from './origin.js';
import { shownPath } from './shown-path.js';
import { loadRun, type WantedRun } from './study/load-study.js';

/**
 * The config that a command names. The `config.json` of a run starts relative paths, and looks plugins up, where the
 * config of that run lay; its names are then those of a file, which select among declared plugins.
 * @param of of a study, which of its runs, and the folder of that
 */
export async function loadNamed(
  path: string,
  of: WantedRun,
): Promise<{ readonly loaded: LoadedConfig; readonly namedBy?: string }> {
  const loaded = await loadRun(path, of);
  if (basename(path) !== 'config.json') return { loaded };
  const { folder, refused } = await readOrigin(dirname(resolve(path)));
  if (refused !== null) {
    consoleLogger.warn(`${refused}; plugins are looked up from the folder of the config.`);
    return { loaded, namedBy: loaded.file };
  }
  if (folder === null) return { loaded };
  consoleLogger.info(`${shownPath(loaded.file)} is of a run: relative paths start at ${shownPath(folder)}, as there`);
  return { loaded: { ...loaded, folder }, namedBy: loaded.file };
}
