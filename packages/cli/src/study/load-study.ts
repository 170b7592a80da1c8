import { dirname, extname, basename, resolve } from 'node:path';
import { type Config, consoleLogger, KdError, latestCheckpoint, parseConfig, parseStudy, type Study } from '@kd/core';
import { loadConfig, type LoadedConfig } from '../load-config.js';
import { ports } from '../ports.js';
import { shownPath } from '../shown-path.js';
import type { LoadedStudy } from './loaded-study.js';
import { checkSameTerms } from './same-terms.js';
import { type CheckedRun, type StudyRun, studyRuns } from './study-runs.js';

const isStudy = (config: object): boolean => 'variants' in config;

/** @throws KdError CONFIG_INVALID for a study that is none, and for a config of one of its runs */
export async function loadStudy(path: string): Promise<LoadedStudy> {
  const loaded = await loadConfig(path);
  if (!isStudy(loaded.config))
    throw new KdError(
      'CONFIG_INVALID',
      `${path} is no study: it has no variants. A study is export default defineStudy({ student: 'kd.config.ts', variants: { alone: {}, ssim: { distillers: ['ssim'] } } }); one config is trained with kd train.`,
    );
  return openStudy(loaded);
}

async function openStudy({ config, file, folder }: LoadedConfig): Promise<LoadedStudy> {
  const study = parseStudy(config, shownPath(file));
  const open = async (given: Study['student']): Promise<LoadedConfig> =>
    typeof given === 'string' ? loadConfig(resolve(folder, given)) : { config: given, file, folder };
  const teachers = new Map<string, LoadedConfig>();
  for (const [name, given] of Object.entries(study.teachers)) teachers.set(name, await open(given));
  return { file, name: nameOfConfig(file), study, student: await open(study.student), teachers };
}

/** As it stands in the path of a folder: `detector` of `detector.study.ts`. */
export const nameOfConfig = (file: string): string => basename(file, extname(file)).replace(/\.(study|config)$/, '');

/** Where the runs of a study lie unless it is said. */
export const studyFolder = ({ name }: LoadedStudy): string => resolve('runs', name);

/** The runs of a study in its folder, teachers first; every config is looked at, and that all are on the same terms. */
export function checkedRuns(loaded: LoadedStudy, folder: string): readonly CheckedRun[] {
  const runs = studyRuns(loaded, folder).map(
    (run): CheckedRun => ({ ...run, parsed: parseConfig(run.config, whereOf(run)) }),
  );
  checkSameTerms(loaded, runs);
  return runs;
}

/** What an error calls the config of a run. */
export const whereOf = ({ name, from }: StudyRun): string => `${name} of ${shownPath(from.file)}`;

/** Which run of a study a command means. */
export interface WantedRun {
  readonly run?: unknown;
  /** The folder of the run; other runs of the study lie beside it. */
  readonly out?: string | undefined;
  /** Nothing is trained: what it starts from need not be there yet. */
  readonly planned?: boolean;
}

/** What a command names: a config, or of a study one of its runs. */
export async function loadRun(path: string, { run: wanted, out, planned }: WantedRun): Promise<LoadedConfig> {
  const loaded = await loadConfig(path);
  if (!isStudy(loaded.config)) {
    if (wanted === undefined) return loaded;
    throw new KdError(
      'USAGE',
      `${path} is a config and no study, so that it has no run ${String(wanted)}; leave --run out.`,
    );
  }
  const study = await openStudy(loaded);
  const runs = checkedRuns(study, out === undefined ? studyFolder(study) : dirname(resolve(out)));
  const run = runs.find(({ name }) => name === wanted);
  if (run === undefined)
    throw new KdError(
      'USAGE',
      `${path} is a study${wanted === undefined ? '' : ` without a run ${String(wanted)}`}; train all of it with kd compare ${path}, or one of its runs with --run: ${runs.map(({ name }) => name).join(', ')}.`,
    );
  return { file: study.file, folder: run.from.folder, config: await startedConfig(run, planned === true) };
}

/** The table is of last weights, and so is what starts from a variant. */
async function startedConfig({ config, startsFrom }: StudyRun, planned: boolean): Promise<Config> {
  if (startsFrom === null) return config;
  const init = await latestCheckpoint(startsFrom.folder, ports.format);
  if (init !== null) return { ...config, init };
  if (!planned) return config;
  const { init: _, ...fresh } = config;
  consoleLogger.info(`${startsFrom.name} is not trained yet: the plan starts from fresh weights, which takes as long`);
  return fresh;
}
