import { compileBinding } from './binding.js';
import { findOrSetUp } from './find-library.js';
import type { Library } from './library.js';
import { thisMachine, type Machine } from './machine.js';
import { progressLines, type OnProgress } from './progress.js';

export interface InstallOptions {
  /** Folder of a libtensorflow to use instead of searching; also `KD_TENSORFLOW`. */
  readonly library?: string;
  /** Told about download and compilation. Default: lines on stderr. */
  readonly onProgress?: OnProgress;
}

/** What `install` made ready. */
export interface Installed {
  readonly library: Library;
  /** The compiled binding. */
  readonly binding: string;
}

/**
 * Finds libtensorflow or sets it up, and compiles the binding to it. A second or less when both are there; loads
 * nothing.
 * @throws KdError ENGINE_UNAVAILABLE with what to install
 */
export async function install(options: InstallOptions = {}, machine: Machine = thisMachine()): Promise<Installed> {
  const onProgress = options.onProgress ?? progressLines();
  const library = await findOrSetUp(options.library, machine, onProgress);
  return { library, binding: await compileBinding(library, machine, onProgress) };
}
