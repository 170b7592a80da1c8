import { join } from 'node:path';
import type { Env } from './cache.js';
import { kernelPackage } from './kernels.js';
import { libraryAt, type Library } from './library.js';
import type { Python } from './python.js';
import { setUpFolder } from './set-up.js';
import type { Wheel } from './wheels.js';

export type Source = 'explicit' | 'python' | 'cache' | 'tfjs-node';

/** One place of the search: a library, or why not. */
export interface Place {
  readonly source: Source;
  readonly folder: string | null;
  readonly found: Library | null;
  readonly why: string;
}

export interface Search {
  /** Given by the option or `KD_TENSORFLOW`; then nothing else is looked at. */
  readonly explicit: string | undefined;
  readonly python: Python | null;
  readonly cache: string;
  readonly wheels: readonly Wheel[];
}

/** The places where a library may be, in order; the first with a library is used. Loads and downloads nothing. */
export function searchLibrary({ explicit, python, cache, wheels }: Search): Place[] {
  if (explicit) return [place('explicit', explicit)];
  return [
    python?.tensorflow
      ? place('python', python.tensorflow)
      : { source: 'python', folder: null, found: null, why: python === null ? 'no Python was found' : `${python.command} (${python.version}) has no tensorflow` },
    place('cache', setUpFolder(cache, wheels)),
    place('tfjs-node', join(kernelPackage().folder, 'deps')),
  ];
}

function place(source: Source, folder: string): Place {
  const library = libraryAt(folder);
  return typeof library === 'string' ? { source, folder, found: null, why: library } : { source, folder, found: library, why: `libtensorflow ${library.version}` };
}

export const explicitFolder = (option: string | undefined, env: Env): string | undefined => option ?? (env.KD_TENSORFLOW || undefined);
