import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  consoleLogger,
  KdError,
  lockRunFolder,
  messageOf,
  openDataset,
  parseConfig,
  type ResolvedConfig,
  resolveMetric,
  type Study,
} from '@kd/core';
import { FAILED, INTERRUPTED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson, tell } from '../out.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
import { shownPath } from '../shown-path.js';
import { stopSignal } from '../stop-signal.js';
import type { Budget } from '../study/budget.js';
import { checkedRuns, loadStudy, studyFolder } from '../study/load-study.js';
import type { LoadedStudy } from '../study/loaded-study.js';
import { planBudget } from '../study/plan-budget.js';
import { keepRecord, readRecord, studyRecord } from '../study/record.js';
import { isDone } from '../study/run-process.js';
import type { StudyRun } from '../study/study-runs.js';
import { type StudyData, studyTables } from '../study/study-tables.js';
import { tableLines, writeTable } from '../study/table-files.js';
import { variantCurves } from '../study/variant-curves.js';
import { threadsOf, trainAll, type Training } from '../study/train-all.js';

/** `kd compare STUDY --out DIR`: trains what is missing of a study, and tells which method pays. */
export async function compare(path: string, flags: Flags): Promise<number> {
  const loaded = await loadStudy(path);
  const folder = flags['out'] === undefined ? studyFolder(loaded) : resolve(String(flags['out']));
  const jobs = positiveFlag(flags, 'jobs', 1);
  const minutes = flags['budget'] === undefined ? null : positiveFlag(flags, 'budget', 1);
  const all = checkedRuns(loaded, folder);
  const student = parseConfig(all.find(({ variant }) => variant === loaded.study.base)!.config, shownPath(loaded.file));
  const metric = resolveMetric(student.evaluate.metric, ports);
  const data = await openData(student, loaded.student.folder, loaded.study.test);
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new KdError('RUN_FOLDER', `${folder} cannot be made: ${messageOf(cause)}; name another with --out.`, {
      cause,
    });
  });
  const unlock = await lockRunFolder(folder, consoleLogger);
  const stop = stopSignal('stopping the runs after their steps at hand, with checkpoints; once more quits at once');
  const training = { study: loaded.file, folder, jobs, signal: stop.signal };
  const stopped = (): number => {
    const words = [...(jobs === 1 ? [] : [` --jobs ${jobs}`]), ...(minutes === null ? [] : [` --budget ${minutes}`])];
    tell(`go on with: kd compare ${shownPath(loaded.file)} --out ${shownPath(folder)}${words.join('')}`);
    return INTERRUPTED;
  };
  try {
    const keep = async (budget: Budget | null | undefined): Promise<void> => {
      // Relative: the record may be moved with its folder.
      const runs = budget === undefined ? teachersOf(loaded) : withinBudget(checkedRuns(loaded, '.'), budget);
      const record = { ...(await studyRecord(runs, data)), ...(budget && { budget }) };
      await keepRecord(folder, record, (name) => existsSync(join(folder, name, 'checkpoints')));
    };
    const budget = minutes === null ? null : await budgetFor(minutes, { all, training, keep: () => keep(undefined) });
    if (budget === undefined) return stopped();
    await keep(budget);
    const runs = withinBudget(all, budget);
    const outcomes = await trainAll(runs, { ...training, epochs: budget?.epochs });
    if ([...outcomes.values()].some(({ state }) => state === 'stopped')) return stopped();
    const done = runs.filter(({ name }) => isDone(folder, name));
    const tables = await studyTables(loaded, runs, outcomes, { ...data, done, folder, metric });
    await writeTable(folder, tables, await variantCurves(done, folder));
    if (flags['json'] === true) printJson({ ok: true, study: loaded.name, folder, tables }, 0);
    else
      print(
        ...tableLines(tables),
        '',
        `study: ${shownPath(join(folder, 'index.html'))}, table.md and table.json beside it`,
      );
    const failed = [...outcomes.values()].some(({ state }) => state === 'failed');
    // One that is done may have lost its files since.
    const lost = tables.some(({ variants }) => variants.some(({ missing }) => missing.length > 0));
    return failed || lost ? FAILED : 0;
  } finally {
    stop.end();
    unlock();
  }
}

const teachersOf = (loaded: LoadedStudy): StudyRun[] =>
  checkedRuns(loaded, '.').filter(({ variant }) => variant === null);

const withinBudget = (runs: readonly StudyRun[], budget: Budget | null): readonly StudyRun[] =>
  budget === null
    ? runs
    : runs.flatMap((run) => {
        if (run.variant === null) return [run];
        return budget.seeds.includes(run.seed) ? [{ ...run, config: { ...run.config, epochs: budget.epochs } }] : [];
      });

/** That of the folder, where it is for the same time; else found out now. Undefined where that was stopped. */
async function budgetFor(
  minutes: number,
  { all, training, keep }: { all: readonly StudyRun[]; training: Training; keep: () => Promise<void> },
): Promise<Budget | undefined> {
  const known = (await readRecord(training.folder))?.budget;
  if (known?.minutes === minutes) return known;
  // Before teachers are trained into it.
  await keep();
  const planned = await planBudget(all, {
    ...training,
    minutes,
    threads: threadsOf(training.jobs),
    train: async (teachers) => {
      const outcomes = await trainAll(teachers, training);
      for (const [name, outcome] of outcomes)
        if (outcome.state === 'failed') throw new KdError('TEACHER_INVALID', `${name} failed: ${outcome.why}`);
      return [...outcomes.values()].every(({ state }) => state === 'done');
    },
  });
  return planned ?? undefined;
}

async function openData({ data }: ResolvedConfig, folder: string, test: Study['test']): Promise<StudyData> {
  const train = await openDataset(data.train, folder, ports);
  const names = train.categories.map(({ name }) => name);
  return {
    train,
    val: await openDataset(data.val!, folder, ports, names),
    test: test === undefined ? null : await openDataset(test as ResolvedConfig['data']['train'], folder, ports, names),
  };
}
