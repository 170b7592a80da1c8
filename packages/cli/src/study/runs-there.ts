import { basename, join } from 'node:path';
import {
  type ChangedSetting,
  changedSettings,
  isObject,
  latestCheckpoint,
  otherSettings,
  type RunSettings,
  settingsIn,
  versions,
} from '@kd/core';
import { objectIn } from '../object-in.js';
import { ports } from '../ports.js';
import type { StudyRun } from './study-runs.js';

/** What a run in the folder of a study is found to be. */
export interface RunThere {
  readonly name: string;
  /** It says itself what it was trained with. */
  readonly known: boolean;
  /** What of that the study would do otherwise. */
  readonly changed: readonly ChangedSetting[];
}

/**
 * Compares what runs were trained with, as they say themselves, with what the study would train: another program, or
 * another study, may have left them.
 */
export const runsThere = (
  folder: string,
  runs: readonly StudyRun[],
  settings: ReadonlyMap<string, RunSettings>,
): Promise<readonly RunThere[]> =>
  Promise.all(runs.map((run) => runThere(join(folder, run.name), run, settings.get(run.name)!)));

async function runThere(path: string, { name, config }: StudyRun, now: RunSettings): Promise<RunThere> {
  const checkpoint = await latestCheckpoint(path, ports.format);
  const was = checkpoint === null ? null : await settingsIn(checkpoint, ports.format);
  if (was === null) return { name, known: false, changed: [] };
  // What is damaged is not compared: the table says that.
  const ran = await objectIn(path, 'config.json');
  // A budget leaves out epochs.
  const { fixed, told } = now;
  const changed = [
    ...otherSettings(was, { fixed, told: { ...told, epochs: config.epochs } }),
    ...(ran === null ? [] : otherFiles(ran, config)),
    ...otherVersions((await objectIn(path, 'summary.json'))?.['versions']),
  ];
  return { name, known: true, changed: changed.map((one) => ({ ...one, key: `runs.${name}.${one.key}` })) };
}

/** By the last part of their paths: folders move. */
function otherFiles(
  was: Readonly<Record<string, unknown>>,
  { init, teacher, teachers = {} }: StudyRun['config'],
): ChangedSetting[] {
  const named = isObject(was['teachers']) ? was['teachers'] : {};
  const pairs: [string, string | null, string | null][] = [
    ['init', pathOf(was['init']), pathOf(init)],
    ['teacher', weightsOf(was['teacher']), weightsOf(teacher)],
    ...Object.entries(teachers).map(([name, one]): [string, string | null, string | null] => [
      `teachers.${name}`,
      weightsOf(named[name]),
      weightsOf(one),
    ]),
  ];
  return pairs.flatMap(([key, old, wanted]) =>
    old === wanted || (old !== null && wanted !== null && old.split('/').includes(basename(wanted)))
      ? []
      : [{ key, was: old ?? undefined, is: wanted ?? undefined }],
  );
}

const weightsOf = (teacher: unknown): string | null => (isObject(teacher) ? pathOf(teacher['weights']) : null);

/** Of an entry that is a path, or a path with what is meant of the file. */
function pathOf(entry: unknown): string | null {
  const path: unknown = Array.isArray(entry) ? entry[0] : entry;
  return typeof path === 'string' ? path : null;
}

function otherVersions(was: unknown): ChangedSetting[] {
  if (!isObject(was)) return [];
  const { node: _, ...now } = versions();
  const shared = Object.keys(now).filter((name) => name in was);
  const of = (all: Readonly<Record<string, unknown>>) => Object.fromEntries(shared.map((name) => [name, all[name]]));
  return changedSettings({ versions: of(was) }, { versions: of(now) });
}
