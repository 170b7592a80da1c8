import { availableParallelism } from 'node:os';
import { KdError } from '@kd/core';
import { duration } from '@kd/report';
import { tell } from '../out.js';
import { type Budget, fit, type PlanTimes, type RunTime, runTime, sideBySide } from './budget.js';
import { kdProcess } from './kd-process.js';
import { isDone } from './run-process.js';
import type { StudyRun } from './study-runs.js';

export interface BudgetOptions {
  readonly minutes: number;
  readonly study: string;
  readonly folder: string;
  readonly jobs: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Trains runs that all others wait for. False where they were stopped, or failed. */
  readonly train: (runs: readonly StudyRun[]) => Promise<boolean>;
}

/**
 * How many seeds and epochs of a study fit into a time, from some real steps of each variant. Teachers are trained
 * first: their students cannot be measured without.
 * @returns null where it was stopped
 */
export async function planBudget(runs: readonly StudyRun[], options: BudgetOptions): Promise<Budget | null> {
  const { minutes, folder, signal, train } = options;
  const jobs = sideBySide(options.jobs, { runs: runs.length, cores: availableParallelism() });
  const began = performance.now();
  const left = (): number => 60 * minutes - (performance.now() - began) / 1000;
  const teachers = runs.filter(({ variant, name }) => variant === null && !isDone(folder, name));
  let needed = 0;
  for (const run of teachers) {
    const time = await timeOf(run, options);
    if (time === null) return null;
    needed += time.setUp + run.config.epochs * time.epoch;
  }
  if (needed / jobs > left())
    throw new KdError(
      'USAGE',
      `--budget ${minutes}: the teachers alone (${teachers.map(({ name }) => name).join(', ')}) take about ${duration(needed / jobs)}; give more time, or train them before.`,
    );
  if (teachers.length > 0 && !(await train(teachers))) return null;

  const variants = runs.filter(({ variant }) => variant !== null);
  const seeds = [...new Set(variants.map(({ seed }) => seed))];
  const first = variants.filter(({ seed }) => seed === seeds[0]);
  const times: RunTime[] = [];
  for (const run of first) {
    const learnt = run.needs.find((name) => name !== run.startsFrom?.name && !isDone(folder, name));
    if (learnt !== undefined)
      throw new KdError(
        'USAGE',
        `--budget: ${run.name} learns from ${learnt}, which is not trained yet, so that its steps cannot be measured; train this study without --budget, or give ${run.variant} a teacher that is there.`,
      );
    const time = await timeOf(run, options);
    if (time === null) return null;
    tell(`${run.variant}: an epoch takes about ${duration(time.epoch)}, all else of a run ${duration(time.setUp)}`);
    times.push(time);
  }
  const { epochs } = first[0]!.config;
  const fitted = fit(left() * jobs, times, { seeds: seeds.length, epochs });
  if (fitted === null)
    throw new KdError(
      'USAGE',
      `--budget ${minutes}: one epoch of each variant with one seed takes about ${duration(times.reduce((sum, { setUp, epoch }) => sum + setUp + epoch, 0) / jobs)}, and ${duration(left())} are left; give more time, or compare fewer variants.`,
    );
  tell(
    `${fitted.seeds} of ${seeds.length} seeds and ${fitted.epochs} of ${epochs} epochs fit into ${minutes} minutes; they take about ${duration(fitted.seconds / jobs)}${signal.aborted ? '' : ' from here'}`,
  );
  return { minutes, seeds: seeds.slice(0, fitted.seeds), epochs: fitted.epochs };
}

/** From the plan of a run, in a process of its own; null where it was stopped. @throws KdError of the plan */
async function timeOf({ name }: StudyRun, { study, folder, threads, signal }: BudgetOptions): Promise<RunTime | null> {
  const began = performance.now();
  const child = kdProcess(['plan', study, '--run', name, '--out', folder, '--steps', '5', '--json'], {
    threads,
    signal,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = await child.ended;
  if (signal.aborted) return null;
  const said = (stdout === '' ? null : JSON.parse(stdout)) as
    | ({ ok: true } & PlanTimes)
    | { ok: false; error: { code: ConstructorParameters<typeof KdError>[0]; message: string } }
    | null;
  if (said?.ok === true) return runTime(said, (performance.now() - began) / 1000);
  if (said === null)
    throw new KdError('USAGE', `--budget: the plan of ${name} ended with ${code}: ${stderr.slice(-500)}`);
  throw new KdError(said.error.code, `--budget: the plan of ${name}: ${said.error.message}`.split('\n'));
}
