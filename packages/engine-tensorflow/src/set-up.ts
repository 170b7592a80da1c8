import { KdError } from '@kd/core';
import {
  fetchWheel,
  folderOnce,
  type FolderOnceOptions,
  lacksPip,
  type OnProgress,
  type Python,
  type Wheel,
} from '@kd/core/wheels';
import { join } from 'node:path';
import { neededCompiler } from './compiler.js';
import { damage, keepHashes } from './kept-hashes.js';
import { libraryAt, type Library } from './library.js';
import type { Machine } from './machine.js';
import { CPU_WHEELS, PLATFORMS } from './wheels.js';

/** Where a set-up of these wheels lies, set up or not. */
export const setUpFolder = (cache: string, wheels: readonly Wheel[]): string =>
  join(cache, (wheels[0]?.requirement ?? 'tensorflow').replace('==', '-'));

/**
 * Downloads the pinned wheels with pip, checks their hashes and keeps of them the library and its C headers, with the
 * hashes of what it keeps.
 * @throws KdError ENGINE_UNAVAILABLE that says what is missing: platform, Python, pip, compiler, network, disk.
 */
export async function setUpLibrary(
  machine: Machine,
  python: Python | null,
  onProgress: OnProgress,
  waiting: FolderOnceOptions = {},
): Promise<Library> {
  const { cache, env, platform, run, wheels } = machine;
  const target = setUpFolder(cache, wheels);
  const tags = CPU_WHEELS[platform]?.tags;
  if (tags === undefined) {
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `libtensorflow can be set up on ${PLATFORMS} only, this is ${platform}. Point KD_TENSORFLOW at a folder with libtensorflow and its headers, or pass it as the option "library".`,
    );
  }
  const missing = lacksPip(python);
  if (python === null || missing !== null) {
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `libtensorflow is not on this machine and comes as a Python wheel, but ${missing}. Install python3 and pip (Debian: apt install python3-pip), or point KD_TENSORFLOW at a folder with libtensorflow and its headers.`,
    );
  }
  const shared = {
    python,
    run,
    onProgress,
    keep: KEPT,
    tags,
    code: 'ENGINE_UNAVAILABLE',
    again: 'run `kd engine install` again',
    room: 'The library needs 800 MB of disk.',
  } as const;
  await folderOnce(
    target,
    async (temporary) => {
      await neededCompiler(env, run); // Before the download, which is of no use without one.
      for (const wheel of wheels) await fetchWheel(wheel, { ...shared, into: temporary });
      await keepHashes(temporary);
    },
    {
      onWait: () => onProgress({ stage: 'wait', message: 'another process is setting the library up, waiting for it' }),
      ...waiting,
    },
  );
  const library = libraryAt(target);
  if (typeof library === 'string') throw new KdError('ENGINE_UNAVAILABLE', damage(target, [library]));
  return library;
}

// Of 1.2 GB the two libraries, the headers of the C API and the licences are kept; of CUDA's wheels the libraries.
const KEPT = String.raw`tensorflow/(libtensorflow_(cc|framework)\.(so\.2|2\.dylib)
  |include/tensorflow/c/.*\.h
  |include/(tensorflow/core|tsl|xla/tsl)/platform/ctstring(_internal)?\.h
  |include/xla/tsl/c/.*\.h
  |include/tensorflow/core/public/(release_)?version\.h
  |include/LICENSE|THIRD_PARTY_NOTICES\.txt)$
  |nvidia/[^/]+/lib/[^/]+\.so[^/]*$|[^/]+\.dist-info/(LICENSE|METADATA|.*[Ll]icense.*)`;
