import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { duration, statusLines } from '@kd/report';
import { shownPath } from '../shown-path.js';
import { type Outcome, runQueue } from './queue.js';
import { isDone, trainInProcess } from './run-process.js';
import { shownReason } from './shown-reason.js';
import type { StudyRun } from './study-runs.js';

export interface Training {
  readonly study: string;
  readonly folder: string;
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Instead of those of the study's config, for its variants. */
  readonly epochs?: number | undefined;
}

/** Trains what is not there yet, and tells of each run when it begins and ends. */
export async function trainAll(
  runs: readonly StudyRun[],
  { study, folder, jobs, signal, epochs }: Training,
): Promise<ReadonlyMap<string, Outcome>> {
  const screen = statusLines();
  const now = new Map<string, string>();
  const threads = threadsOf(jobs);
  const before = runs.filter(({ name }) => isDone(folder, name)).length;
  let there = before;
  if (before > 0) screen.persist(`${before} of ${runs.length} runs are there already`);
  try {
    return await runQueue(runs, {
      jobs,
      signal,
      start: async ({ name, variant, from }) => {
        if (isDone(folder, name)) return { state: 'done' };
        const began = performance.now();
        screen.persist(`${name}: begins; it writes to ${shownPath(join(folder, name))}.log`);
        const ended = await trainInProcess({
          study,
          folder,
          name,
          threads,
          epochs: variant === null ? undefined : epochs,
          signal,
          onWait: (line) => screen.persist(`${name}: ${line}`),
          onLine: (line) => {
            now.set(name, `${name}: ${line.trim()}`);
            screen.show([...now.values()]);
          },
        });
        const outcome = shownOutcome(ended, ['.', folder, from.folder]);
        now.delete(name);
        screen.show([...now.values()]);
        if (outcome.state === 'done') there++;
        screen.persist(`${endWords(name, outcome, (performance.now() - began) / 1000)} (${there} of ${runs.length})`);
        return outcome;
      },
    });
  } finally {
    screen.end();
  }
}

const shownOutcome = (outcome: Outcome, folders: readonly string[]): Outcome =>
  outcome.state === 'failed' ? { ...outcome, why: shownReason(outcome.why, folders) } : outcome;

function endWords(name: string, outcome: Outcome, seconds: number): string {
  if (outcome.state === 'failed') return `${name}: failed: ${outcome.why}`;
  return `${name}: ${outcome.state === 'done' ? 'done in' : 'stopped after'} ${duration(seconds)}`;
}

/** Of each run: runs side by side share the cores. */
export const threadsOf = (jobs: number): number => Math.max(1, Math.floor(availableParallelism() / jobs));
