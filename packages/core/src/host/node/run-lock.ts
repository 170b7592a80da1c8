import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryName } from './atomic.js';
import { KdError, messageOf } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { isAlive, OWN_IDENTITY } from './process-identity.js';

const NAME = 'run.lock';
/** A lock is written in a moment; one that cannot be read for so long was left by a process that was killed. */
const WRITTEN_WITHIN_MS = 2000;

/** What the lock file says of its holder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
  /** Tells the process from a later one of the same number. */
  readonly process: string;
}

/** The process of this machine that writes to a run folder, while it lives. */
export async function writerOf(folder: string): Promise<number | null> {
  const holder = parse(await readFile(join(folder, NAME), 'utf8').catch(() => ''));
  return holder !== null && holder.host === hostname() && isAlive(holder.process) ? holder.pid : null;
}

/**
 * Keeps a run folder to one training: a file in it, made only where there is none, that says who holds it. A lock whose
 * process has ended on this host is taken over, and that is said.
 * @returns hands the folder back
 * @throws KdError RUN_FOLDER while another process holds it
 */
export async function lockRunFolder(folder: string, logger: Logger): Promise<() => void> {
  const file = join(folder, NAME);
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
    process: OWN_IDENTITY,
  };
  const text = `${JSON.stringify(holder)}\n`;
  while (!(await create(file, text))) {
    const found = await read(file);
    if (found === null) continue;
    const other = parse(found);
    if (other !== null && mayHold(other)) throw held(folder, file, other);
    if (!(await takeOver(file, found, text))) continue;
    logger.warn(
      `${file} was left by ${other === null ? 'a process that was killed' : `process ${other.pid}, which has ended`}; the folder is taken over.`,
    );
    break;
  }
  const unlock = (): void => {
    process.off('exit', unlock);
    if (isOurs(file, text)) rmSync(file);
  };
  // A second Ctrl-C ends the process from within.
  process.on('exit', unlock);
  return unlock;
}

/** Not where a person deleted the lock and another training took the folder. */
function isOurs(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8') === text;
  } catch {
    return false;
  }
}

async function create(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code === 'EEXIST') return false;
    throw new KdError('RUN_FOLDER', `${file} cannot be written: ${messageOf(cause)}. Name another folder with --out.`, {
      cause,
    });
  }
}

/** The text of a lock; null when it has gone meanwhile. */
async function read(file: string): Promise<string | null> {
  for (;;) {
    const found = await Promise.all([readFile(file, 'utf8'), stat(file)]).catch((cause: unknown) => {
      if ((cause as { readonly code?: unknown }).code === 'ENOENT') return null;
      throw new KdError('RUN_FOLDER', `${file} cannot be read: ${messageOf(cause)}. Is the folder of another user?`, {
        cause,
      });
    });
    if (found === null) return null;
    const [text, { mtimeMs }] = found;
    if (parse(text) !== null || Date.now() - mtimeMs > WRITTEN_WITHIN_MS) return text;
    await sleep(100);
  }
}

function parse(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    return typeof holder?.host === 'string' && typeof holder.process === 'string' ? (holder as Holder) : null;
  } catch {
    return null;
  }
}

/** Whether one lives, as far as this machine can tell. */
const mayHold = ({ host, process }: Holder): boolean => host !== hostname() || isAlive(process);

/**
 * Puts a lock in the place of one that was left. Whoever found that may try: the one whose claim of it is first does,
 * and there is a lock all the while, so that no other slips in.
 */
async function takeOver(file: string, left: string, text: string): Promise<boolean> {
  const hash = createHash('sha256').update(left).digest('hex').slice(0, 8);
  // As a temporary file of no process, which goes at the next start.
  const claim = join(dirname(file), `.${NAME}.0-0.${hash}.tmp`);
  if (!(await create(claim, text))) {
    const found = await read(claim);
    const other = found === null ? null : parse(found);
    if (found !== null && (other === null || !mayHold(other))) await takeAway(claim, found);
    return false;
  }
  try {
    if ((await readFile(file, 'utf8').catch(() => null)) !== left) return false;
    const own = temporaryName(file);
    await writeFile(own, text);
    await rename(own, file);
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

/** Removes the file with just this text. Another process may have made another meanwhile: that is put back. */
async function takeAway(file: string, text: string): Promise<boolean> {
  const aside = temporaryName(file);
  try {
    await rename(file, aside);
  } catch {
    return false;
  }
  const same = (await readFile(aside, 'utf8')) === text;
  await (same ? rm(aside) : rename(aside, file));
  return same;
}

const held = (folder: string, file: string, { pid, host, started }: Holder): KdError =>
  new KdError(
    'RUN_FOLDER',
    `another training writes to ${folder}: process ${pid} on ${host}, since ${started}. Wait for its end, or name another folder with --out; if it has ended for certain, delete ${file}.`,
  );
