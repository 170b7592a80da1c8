import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  consoleLogger,
  type Dataset,
  KdError,
  lockRunFolder,
  openDataset,
  parseConfig,
  type ResolvedConfig,
  resolveMetric,
} from '@kd/core';
import { duration, statusLines } from '@kd/report';
import { FAILED, INTERRUPTED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, tell } from '../out.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
import { shownPath } from '../shown-path.js';
import { stopSignal } from '../stop-signal.js';
import { checkedRuns, loadStudy, studyFolder } from '../study/load-study.js';
import { type Outcome, runQueue } from '../study/queue.js';
import { keepRecord, studyRecord } from '../study/record.js';
import { runFigures } from '../study/run-figures.js';
import { isDone, trainInProcess } from '../study/run-process.js';
import type { StudyRun } from '../study/study-runs.js';
import { studyTable } from '../study/table.js';
import { tableLines, writeTable } from '../study/table-files.js';

/** `kd compare STUDY --out DIR`: trains what is missing of a study, and tells which method pays. */
export async function compare(path: string, flags: Flags): Promise<number> {
  const loaded = await loadStudy(path);
  const folder = flags['out'] === undefined ? studyFolder(loaded) : resolve(String(flags['out']));
  const jobs = positiveFlag(flags, 'jobs', 1);
  const runs = checkedRuns(loaded, folder);
  const student = parseConfig(
    runs.find(({ variant }) => variant === loaded.study.base)!.config,
    shownPath(loaded.file),
  );
  const metric = resolveMetric(student.evaluate.metric, ports);
  const data = await openData(student, loaded.student.folder);
  const record = await studyRecord(checkedRuns(loaded, '.'), data);
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new KdError('RUN_FOLDER', `${folder} cannot be made: ${String(cause)}; name another with --out.`, { cause });
  });
  const unlock = await lockRunFolder(folder, consoleLogger);
  const stop = stopSignal('stopping the runs after their steps at hand, with checkpoints; once more quits at once');
  try {
    await keepRecord(folder, record, (name) => existsSync(join(folder, name, 'checkpoints')));
    const outcomes = await trainAll(runs, { study: loaded.file, folder, jobs, signal: stop.signal });
    if ([...outcomes.values()].some(({ state }) => state === 'stopped')) {
      tell(
        `go on with: kd compare ${shownPath(loaded.file)} --out ${shownPath(folder)}${jobs === 1 ? '' : ` --jobs ${jobs}`}`,
      );
      return INTERRUPTED;
    }
    const classes = data.val.categories.map(({ name }) => name);
    const figures = await runFigures(runs, outcomes, { folder, val: data.val, metric });
    const table = studyTable(loaded, figures, { classes, metric });
    await writeTable(folder, table);
    print(
      ...tableLines(table),
      '',
      `study: ${shownPath(join(folder, 'index.html'))}, table.md and table.json beside it`,
    );
    return table.runs.some(({ missing }) => missing !== null) ? FAILED : 0;
  } finally {
    stop.end();
    unlock();
  }
}

async function openData({ data }: ResolvedConfig, folder: string): Promise<{ train: Dataset; val: Dataset }> {
  const train = await openDataset(data.train, folder, ports);
  const names = train.categories.map(({ name }) => name);
  return { train, val: await openDataset(data.val!, folder, ports, names) };
}

interface Training {
  readonly study: string;
  readonly folder: string;
  readonly jobs: number;
  readonly signal: AbortSignal;
}

async function trainAll(
  runs: readonly StudyRun[],
  { study, folder, jobs, signal }: Training,
): Promise<ReadonlyMap<string, Outcome>> {
  const screen = statusLines();
  const now = new Map<string, string>();
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs));
  const before = runs.filter(({ name }) => isDone(folder, name)).length;
  let ended = before;
  if (before > 0) screen.persist(`${before} of ${runs.length} runs are there already`);
  try {
    return await runQueue(runs, {
      jobs,
      signal,
      start: async ({ name }) => {
        if (isDone(folder, name)) return { state: 'done' };
        const began = performance.now();
        screen.persist(`${name}: begins; it writes to ${shownPath(join(folder, name))}.log`);
        const outcome = await trainInProcess({
          study,
          folder,
          name,
          threads,
          signal,
          onLine: (line) => {
            now.set(name, `${name}: ${line.trim()}`);
            screen.show([...now.values()]);
          },
        });
        now.delete(name);
        screen.show([...now.values()]);
        if (outcome.state === 'done') ended++;
        screen.persist(`${endWords(name, outcome, (performance.now() - began) / 1000)} (${ended} of ${runs.length})`);
        return outcome;
      },
    });
  } finally {
    screen.end();
  }
}

function endWords(name: string, outcome: Outcome, seconds: number): string {
  if (outcome.state === 'failed') return `${name}: failed: ${outcome.why}`;
  return `${name}: ${outcome.state === 'done' ? 'done in' : 'stopped after'} ${duration(seconds)}`;
}
