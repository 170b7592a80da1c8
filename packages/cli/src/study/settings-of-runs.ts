import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { configSettings, isKdError, KdError, type RunSettings } from '@kd/core';
import { ports } from '../ports.js';
import { whereOf } from './load-study.js';
import type { LoadedStudy } from './loaded-study.js';
import type { CheckedRun } from './study-runs.js';
import type { StudyData } from './study-tables.js';

/**
 * What each run of a study will be trained with, as far as it is known before; so that a name that nothing stands for
 * is told before hours are trained, and not when its run begins.
 * @throws KdError naming the run
 */
export async function settingsOfRuns(
  loaded: LoadedStudy,
  runs: readonly CheckedRun[],
  data: Pick<StudyData, 'train' | 'val'>,
): Promise<ReadonlyMap<string, RunSettings>> {
  const settings = new Map<string, RunSettings>();
  for (const run of runs) {
    const { name, variant, parsed, from } = run;
    checkInit(loaded, run);
    try {
      // A teacher may have learned from other data.
      const own = await configSettings(parsed, { ...ports, folder: from.folder, ...(variant !== null && { data }) });
      settings.set(name, own);
    } catch (error) {
      if (!isKdError(error)) throw error;
      throw new KdError(
        error.code,
        `${whereOf(run)}: ${error.message}${meantTeacher(loaded, run, error)}`.split('\n'),
        {
          cause: error,
        },
      );
    }
  }
  return settings;
}

/** A word that is neither a variant nor a file is a slip of the former. */
function checkInit({ study }: LoadedStudy, run: CheckedRun): void {
  const { init } = run.parsed;
  if (run.startsFrom !== null || typeof init !== 'string' || init === 'pretrained' || !/^[A-Za-z][\w-]*$/.test(init))
    return;
  if (existsSync(resolve(run.from.folder, init))) return;
  throw new KdError(
    'CONFIG_INVALID',
    `${whereOf(run)}: init: "${init}" is neither a variant of the study (${Object.keys(study.variants).join(', ')}) nor a file or a run that is there.`,
  );
}

/** What else the name of a teacher could have been. */
function meantTeacher({ study, teachers }: LoadedStudy, { parsed }: CheckedRun, { code }: KdError): string {
  const named = [parsed.teacher, ...Object.values(parsed.teachers ?? {})].some((one) => typeof one === 'string');
  if (code !== 'PLUGIN_NOT_FOUND' || !named) return '';
  const own = teachers.size === 0 ? 'none' : [...teachers.keys()].join(', ');
  return ` (Teachers of the study: ${own}; its variants: ${Object.keys(study.variants).join(', ')}.)`;
}
