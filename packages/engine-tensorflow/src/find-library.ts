import { KdError } from '@kd/core';
import type { OnProgress, Python } from '@kd/core/wheels';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { libraryAt, type Library } from './library.js';
import type { Machine } from './machine.js';
import { setUpFolder, setUpLibrary } from './set-up.js';

export type Source = 'explicit' | 'python' | 'cache' | 'tfjs-node';

/** One place of the search: a library, or why there is none. */
export interface Place {
  readonly source: Source;
  readonly folder: string | null;
  readonly found: Library | null;
  readonly why: string;
}

/** The places where a library may be, in order. Loads and downloads nothing. An explicit folder is the only place. */
export function searchLibrary(
  explicit: string | undefined,
  python: Python | null,
  { cache, wheels }: Pick<Machine, 'cache' | 'wheels'>,
): Place[] {
  if (explicit !== undefined) return [place('explicit', explicit)];
  return [
    python?.tensorflow
      ? place('python', python.tensorflow)
      : {
          source: 'python',
          folder: null,
          found: null,
          why: python === null ? 'no Python was found' : `${python.command} (${python.version}) has no tensorflow`,
        },
    place('cache', setUpFolder(cache, wheels)),
    tfjsNodePlace(),
  ];
}

/** What the package's own installer downloaded, where the project has the package and let the installer run. */
function tfjsNodePlace(): Place {
  try {
    return place(
      'tfjs-node',
      join(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json')), 'deps'),
    );
  } catch {
    return { source: 'tfjs-node', folder: null, found: null, why: '@tensorflow/tfjs-node-gpu is not installed' };
  }
}

function place(source: Source, folder: string): Place {
  const library = libraryAt(folder);
  return typeof library === 'string'
    ? { source, folder, found: null, why: library }
    : { source, folder, found: library, why: `libtensorflow ${library.version}` };
}

/** The folder that the user named, by option or by `KD_TENSORFLOW`. */
export const explicitFolder = (option: string | undefined, { env }: Pick<Machine, 'env'>): string | undefined =>
  option ?? (env.KD_TENSORFLOW || undefined);

/**
 * The first library of the search; without one it is set up, and only where that fails the one that tfjs-node
 * downloaded for itself is taken (TensorFlow 2.9, without the newer kernels). `force` sets up anew what is in the
 * cache.
 * @throws KdError ENGINE_UNAVAILABLE
 */
export async function findOrSetUp(
  option: string | undefined,
  machine: Machine,
  onProgress: OnProgress,
  force = false,
): Promise<Library> {
  const explicit = explicitFolder(option, machine);
  const python = explicit === undefined ? await machine.python() : null;
  const places = searchLibrary(explicit, python, machine);
  if (explicit !== undefined) {
    const { found, why } = places[0]!;
    if (found) return found;
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `there is no libtensorflow where ${option === undefined ? 'KD_TENSORFLOW' : 'the option `library`'} points: ${why}. Name the \`tensorflow\` folder of a Python environment, or leave it out to have one found or set up.`,
    );
  }
  const first = places.find(({ source, found }) => source !== 'tfjs-node' && found);
  if (first?.found && !(force && first.source === 'cache')) return first.found;
  try {
    return await setUpLibrary(machine, python, onProgress, { replace: force });
  } catch (error) {
    const last = places.at(-1)!.found;
    if (last && !force) return last;
    throw error;
  }
}
