import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers } from '../host/node/process-identity.js';

export interface FolderOnceOptions {
  /** Called once when another process is already making this folder. */
  readonly onWait?: () => void;
  /** A lock not touched for this long belongs to a process that died, in milliseconds. */
  readonly staleAfter?: number;
  /** How often a waiting process looks, in milliseconds. */
  readonly poll?: number;
  /** Builds also where the folder exists, and puts the new one in its place. */
  readonly replace?: boolean;
}

/**
 * Makes `target` through `build`, or leaves it as it is when it exists. Others see the whole folder or none: it is
 * built under a temporary name beside the target and renamed. Two processes at once build once, the second waits; what
 * an interrupted one left behind is removed by the next.
 */
export async function folderOnce(
  target: string,
  build: (temporary: string) => Promise<void>,
  options: FolderOnceOptions = {},
): Promise<void> {
  const { replace = false } = options;
  if (existsSync(target) && !replace) return;
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  const release = await takeLock(target, options);
  if (release === null) return;
  try {
    if (existsSync(target) && !replace) return;
    const prefix = `.${basename(target)}.`;
    // Only the holder of the lock builds, so whatever temporary folder lies here is nobody's.
    for (const name of await readdir(parent)) {
      if (name.startsWith(prefix) && name.endsWith('.tmp'))
        await rm(join(parent, name), { recursive: true, force: true });
    }
    const [temporary, old] = [1, 2].map(() => join(parent, `${prefix}${randomUUID().slice(0, 8)}.tmp`)) as [
      string,
      string,
    ];
    await mkdir(temporary);
    try {
      await build(temporary);
      if (replace && existsSync(target)) await rename(target, old);
      await rename(temporary, target).catch((error: unknown) => {
        if (!existsSync(target)) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
      await rm(old, { recursive: true, force: true });
    }
  } finally {
    await release();
  }
}

/** Holds `<target>.lock`; null when the target appeared while waiting. */
async function takeLock(
  target: string,
  { onWait, staleAfter = 30_000, poll = 250, replace = false }: FolderOnceOptions,
): Promise<(() => Promise<void>) | null> {
  const lock = `${target}.lock`;
  const me = `${hostname()} ${process.pid} ${randomUUID()}`;
  for (let waited = false; ; waited = true) {
    try {
      await writeFile(lock, me, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (existsSync(target) && !replace) return null;
    if (await abandoned(lock, staleAfter)) {
      await rm(lock, { force: true });
      continue;
    }
    if (!waited) onWait?.();
    await sleep(poll);
  }
  const beat = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => {}), staleAfter / 6);
  beat.unref();
  return async () => {
    clearInterval(beat);
    if ((await readFile(lock, 'utf8').catch(() => '')) === me) await rm(lock, { force: true });
  };
}

async function abandoned(lock: string, staleAfter: number): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(lock);
    if (Date.now() - mtimeMs > staleAfter) return true;
    const [host, pid] = (await readFile(lock, 'utf8')).split(' ');
    return host === hostname() && pid !== undefined && !answers(Number(pid));
  } catch {
    return false; // Released between the two looks.
  }
}
