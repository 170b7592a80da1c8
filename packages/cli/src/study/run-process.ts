import { createWriteStream, existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { latestCheckpoint, messageOf, writerOf } from '@kd/core';
import { INTERRUPTED } from '../failures.js';
import { ports } from '../ports.js';
import { kdProcess } from './kd-process.js';
import type { Outcome } from './queue.js';

export interface RunProcess {
  readonly study: string;
  /** Of the study; the run's own is in it. */
  readonly folder: string;
  readonly name: string;
  readonly threads: number;
  readonly epochs?: number | undefined;
  readonly signal: AbortSignal;
  /** What the run says, line by line. */
  readonly onLine: (line: string) => void;
  /** That it has to wait, and for whom. */
  readonly onWait: (line: string) => void;
}

/** A run that has ended is told by the last file that it writes. */
export const isDone = (folder: string, name: string): boolean => existsSync(join(folder, name, 'summary.json'));

/**
 * Trains one run of a study in a process of its own, from its newest checkpoint where it has one. All that it says goes
 * to `<name>.log` beside its folder.
 */
export async function trainInProcess(options: RunProcess): Promise<Outcome> {
  const { study, folder, name, threads, epochs, signal, onLine, onWait } = options;
  const out = join(folder, name);
  if (!(await freed(out, signal, onWait))) return { state: 'stopped' };
  // The one that was still on its way may have come to its end.
  if (isDone(folder, name)) return { state: 'done' };
  const resume = (await latestCheckpoint(out, ports.format)) !== null;
  const log = createWriteStream(join(folder, `${name}.log`), { flags: 'a' });
  // A full disk, say, ends the log and no run.
  log.on('error', (error) => onWait(`what it says is not kept: ${messageOf(error)}`));
  const child = kdProcess(
    [
      'train',
      study,
      '--run',
      name,
      '--out',
      out,
      // One page about all of them is the study's.
      '--no-report',
      ...(epochs === undefined ? [] : ['--epochs', String(epochs)]),
      ...(resume ? ['--resume'] : []),
    ],
    { threads, signal },
  );
  const said = new LastLines(onLine);
  // Not piped: a log that cannot be written would hold the run up.
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (said: Buffer | string) => log.write(said));
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.add(text));
  try {
    const [code, by] = await child.ended;
    if (code === 0 && isDone(folder, name)) return { state: 'done' };
    if (signal.aborted && (code === INTERRUPTED || by === 'SIGINT')) return { state: 'stopped' };
    return { state: 'failed', why: said.why(by === null ? `ended with ${code}` : endedBy(by)) };
  } catch (error) {
    return { state: 'failed', why: messageOf(error) };
  } finally {
    log.end();
  }
}

const endedBy = (signal: NodeJS.Signals): string =>
  `ended by ${signal} (${constants.signals[signal]})${signal === 'SIGKILL' ? ', as where memory runs out' : ''}`;

/** Waits for the run of a study that was killed, which stops by itself. False where the wait was broken off. */
async function freed(out: string, signal: AbortSignal, onWait: RunProcess['onWait']): Promise<boolean> {
  let told: number | null = null;
  for (let pid = await writerOf(out); pid !== null && !signal.aborted; pid = await writerOf(out)) {
    if (pid !== told) onWait(`waits for the end of process ${(told = pid)}, which writes there`);
    await sleep(200);
  }
  return !signal.aborted;
}

/** The end of what a run says: its progress, and why it failed. */
class LastLines {
  readonly #onLine: (line: string) => void;
  #text = '';
  #error = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop()!;
    for (const line of lines) {
      if (/^error \[/.test(line)) this.#error = line;
      // What a config lacks stands in the lines below.
      else if (this.#error !== '' && /^ {2}\S/.test(line)) this.#error += `;${line.slice(1)}`;
      if (line.trim() !== '') this.#onLine(line);
    }
  }

  why = (otherwise: string): string => (this.#error === '' ? otherwise : this.#error.replace(/^error /, ''));
}
