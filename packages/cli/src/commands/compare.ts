import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  consoleLogger,
  KdError,
  lockRunFolder,
  messageOf,
  openDataset,
  type ResolvedConfig,
  resolveEngine,
  resolveMetric,
  type Study,
} from '@kd/core';
import { engineChoice } from '../engine-choice.js';
import { FAILED, INTERRUPTED } from '../failures.js';
import type { Flags } from '../flags.js';
import { print, printJson, tell } from '../out.js';
import { ports } from '../ports.js';
import { positiveFlag } from '../positive-flag.js';
import { shownPath } from '../shown-path.js';
import { stopSignal } from '../stop-signal.js';
import type { Budget } from '../study/budget.js';
import { checkedRuns, loadStudy, studyFolder } from '../study/load-study.js';
import { planBudget } from '../study/plan-budget.js';
import { keepRecord, readRecord, studyRecord } from '../study/record.js';
import type { Outcome } from '../study/queue.js';
import { isDone } from '../study/run-process.js';
import { runsThere } from '../study/runs-there.js';
import { settingsOfRuns } from '../study/settings-of-runs.js';
import { type StudyRun, studyRuns } from '../study/study-runs.js';
import { type StudyData, studyTables } from '../study/study-tables.js';
import { tableLines, writeTable } from '../study/table-files.js';
import { threadsOf, trainAll, type Training } from '../study/train-all.js';

/** `kd compare STUDY --out DIR`: trains what is missing of a study, and tells which method pays. */
export async function compare(path: string, flags: Flags): Promise<number> {
  const loaded = await loadStudy(path);
  const folder = flags['out'] === undefined ? studyFolder(loaded) : resolve(String(flags['out']));
  const jobs = positiveFlag(flags, 'jobs', 1);
  const tableOnly = flags['table'] === true;
  const minutes = flags['budget'] === undefined ? null : positiveFlag(flags, 'budget', 1);
  if (tableOnly && minutes !== null)
    throw new KdError(
      'USAGE',
      '--table trains nothing, so that there is no --budget to plan; the folder keeps its own. Leave one of them out.',
    );
  if (tableOnly && !existsSync(folder))
    throw new KdError(
      'RUN_FOLDER',
      `${shownPath(folder)} is not there, so that no run can be in the table; name the folder of the study with --out.`,
    );
  // Each run would say that it is not installed.
  const engine = engineChoice();
  if (engine !== undefined && !tableOnly) await resolveEngine(engine, loaded.student.folder);
  const all = checkedRuns(loaded, folder);
  const student = all.find(({ variant }) => variant === loaded.study.base)!.parsed;
  const metric = resolveMetric(student.evaluate.metric, ports);
  const data = await openData(student, loaded.student.folder, loaded.study.test);
  const settings = await settingsOfRuns(loaded, all, data);
  checkFolder(folder);
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new KdError(
      'RUN_FOLDER',
      `${shownPath(folder)} cannot be made: ${messageOf(cause)}; name another with --out.`,
      {
        cause,
      },
    );
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
      const own = studyRuns(loaded, '.');
      const runs = budget === undefined ? own.filter(({ variant }) => variant === null) : withinBudget(own, budget);
      const record = { ...(await studyRecord(runs, data)), ...(budget && { budget }) };
      const begun = runs.filter(({ name }) => existsSync(join(folder, name, 'checkpoints')) || isDone(folder, name));
      await keepRecord(folder, record, await runsThere(folder, begun, settings));
    };
    const budget = tableOnly
      ? ((await readRecord(folder))?.budget ?? null)
      : minutes === null
        ? null
        : await budgetFor(minutes, { all, training, keep: () => keep(undefined) });
    if (budget === undefined) return stopped();
    await keep(budget);
    const runs = withinBudget(all, budget);
    const outcomes = tableOnly ? trained(runs, folder) : await trainAll(runs, { ...training, epochs: budget?.epochs });
    if ([...outcomes.values()].some(({ state }) => state === 'stopped')) return stopped();
    const done = runs.filter(({ name }) => isDone(folder, name));
    const { tables, records } = await studyTables(loaded, runs, outcomes, { ...data, done, folder, metric });
    await writeTable(folder, tables, records);
    if (flags['json'] === true) printJson({ ok: true, study: loaded.name, folder, tables }, 0);
    else
      print(
        ...tableLines(tables),
        '',
        `study: ${shownPath(join(folder, 'index.html'))}, table.md and table.json beside it`,
      );
    const failed = [...outcomes.values()].some(({ state }) => state === 'failed');
    // One that is done may have lost its files since.
    const lost = tables.some(({ runs: rows }) =>
      rows.some(({ run, missing }) => missing !== null && outcomes.has(run)),
    );
    return failed || lost ? FAILED : 0;
  } finally {
    stop.end();
    unlock();
  }
}

/** What has become of the runs that have ended, where no more are trained. */
const trained = (runs: readonly StudyRun[], folder: string): ReadonlyMap<string, Outcome> =>
  new Map(runs.filter(({ name }) => isDone(folder, name)).map(({ name }) => [name, { state: 'done' }]));

/** @throws KdError RUN_FOLDER for the folder of a run: what is in it would be taken for runs of the study */
function checkFolder(folder: string): void {
  const left = ['config.json', 'checkpoints', 'summary.json'].find((name) => existsSync(join(folder, name)));
  if (left === undefined) return;
  throw new KdError(
    'RUN_FOLDER',
    `${shownPath(folder)} is the folder of one run (there is ${left} in it), and a study has a folder of its own with one for each of its runs: name another with --out.`,
  );
}

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
  // Of a study that has other seeds by now it says nothing.
  const seeds = new Set(all.filter(({ variant }) => variant !== null).map(({ seed }) => seed));
  if (known?.minutes === minutes && known.seeds.every((seed) => seeds.has(seed))) return known;
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
