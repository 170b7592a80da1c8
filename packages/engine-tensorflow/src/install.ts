import { type OnProgress, progressLines } from '@kd/core/wheels';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { compileBinding } from './binding.js';
import { findOrSetUp } from './find-library.js';
import { checkSetUp } from './kept-hashes.js';
import type { Library } from './library.js';
import { thisMachine, type Machine } from './machine.js';
import { setUpFolder } from './set-up.js';

export interface InstallOptions {
  /** Folder of a libtensorflow to use instead of searching; also `KD_TENSORFLOW`. */
  readonly library?: string;
  /** Told about download and compilation. Default: lines on stderr. */
  readonly onProgress?: OnProgress;
  /** Sets up anew what the cache holds: the library, where it is the one that is used, and the binding. */
  readonly force?: boolean;
}

/** What `install` made ready. */
export interface Installed {
  readonly library: Library;
  /** The compiled binding. */
  readonly binding: string;
}

/**
 * Finds libtensorflow or sets it up, and compiles the binding to it. A second or less when both are there; loads
 * nothing. What was set up is compared with the sizes, times and hashes that were kept then.
 * @throws KdError ENGINE_UNAVAILABLE with what to install
 */
export async function install(options: InstallOptions = {}, machine: Machine = thisMachine()): Promise<Installed> {
  const onProgress = options.onProgress ?? progressLines('tensorflow');
  const { force = false } = options;
  const library = await findOrSetUp(options.library, machine, onProgress, force);
  if (isSetUp(library, machine)) await checkSetUp(setUpFolder(machine.cache, machine.wheels), onProgress);
  const binding = await compileBinding(library, machine, onProgress, { replace: force });
  await checkSetUp(dirname(binding), onProgress);
  return { library, binding };
}

/** Whether a library is the one in the cache; others are the user's own. */
export function isSetUp({ folder }: Library, { cache, wheels }: Pick<Machine, 'cache' | 'wheels'>): boolean {
  const own = setUpFolder(cache, wheels);
  return existsSync(own) && folder.startsWith(realpathSync(own) + sep);
}
