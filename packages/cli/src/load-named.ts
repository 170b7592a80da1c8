import { basename, dirname, resolve } from 'node:path';
import { consoleLogger } from '@kd/core';
import { loadConfig, type LoadedConfig } from './load-config.js';
import { readOrigin } from './origin.js';
import { shownPath } from './shown-path.js';

/**
 * The config that a command names. The `config.json` of a run starts relative paths, and looks plugins up, where the
 * config of that run lay; its names are then those of a file, which select among declared plugins.
 */
export async function loadNamed(path: string): Promise<{ readonly loaded: LoadedConfig; readonly namedBy?: string }> {
  const loaded = await loadConfig(path);
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
