import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ChangedSetting,
  changedSettings,
  type Dataset,
  discover,
  fingerprintOfData,
  isObject,
  KdError,
  messageOf,
  plain,
  shownSetting,
  versions,
  writeFileAtomic,
} from '@kd/core';
import { shownPath } from '../shown-path.js';
import { type Budget, isBudget } from './budget.js';
import type { RunThere } from './runs-there.js';
import type { StudyRun } from './study-runs.js';

/** What the runs of a folder have in common, and what each of them is: `study.json`. */
export interface StudyRecord {
  readonly versions: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<'train' | 'val', { readonly images: number; readonly fingerprint: string }>>;
  /** By name, the config of each as plain data; what is known of the data stands above. */
  readonly runs: Readonly<Record<string, unknown>>;
  /** What was found to fit into a time, so that it is not measured anew. */
  readonly budget?: Budget;
}

const FILE = 'study.json';
const require = createRequire(import.meta.url);
const OWN = ['data', 'metrics', 'weights', 'report', 'engine-tensorflow'].map((name) => `@kd/${name}`);

/** @param runs as they are in the working directory, so that the record may be moved with its folder */
export async function studyRecord(
  runs: readonly StudyRun[],
  { train, val }: { readonly train: Dataset; readonly val: Dataset },
): Promise<StudyRecord> {
  return {
    versions: await versionsOf(runs),
    data: { train: dataOf(train), val: dataOf(val) },
    runs: Object.fromEntries(runs.map(({ name, config }) => [name, recorded(config)])),
  };
}

const dataOf = (dataset: Dataset): { images: number; fingerprint: string } => ({
  images: dataset.images.length,
  fingerprint: fingerprintOfData(dataset),
});

function recorded(config: StudyRun['config']): unknown {
  const { report: ____, ...settings } = config;
  const { data, ...rest } = plain({ ...settings, data: { ...config.data, train: null, val: null } }) as {
    data: Record<string, unknown>;
  };
  const { train: _, val: __, workers: ___, ...others } = data;
  return { ...rest, data: others };
}

/** Of core, of what this command brings, and of the packages that hold a name of the configs. */
async function versionsOf(runs: readonly StudyRun[]): Promise<Record<string, string>> {
  const { node: _, ...core } = versions();
  const own = OWN.map((name) => [name, (require(`${name}/package.json`) as { version: string }).version] as const);
  const words = new Set(wordsOf(runs.map(({ config }) => recorded(config))));
  const folders = [...new Set(runs.map(({ from }) => from.folder))];
  const declared = (await Promise.all(folders.map(discover))).flat().filter(({ name }) => words.has(name));
  return Object.fromEntries(
    [...Object.entries(core), ...own, ...declared.map((one) => [one.package, one.version] as const)].sort(([a], [b]) =>
      a < b ? -1 : 1,
    ),
  );
}

/** Every text in plain data. */
function wordsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsOf) : [];
}

/**
 * Sees to it that the runs of a folder are of one study, and records this one.
 * @param there runs that have left something, and what they say of it
 * @throws KdError RUN_FOLDER naming what differs
 */
export async function keepRecord(folder: string, now: StudyRecord, there: readonly RunThere[]): Promise<void> {
  const was = await readRecord(folder);
  const names = there.map(({ name }) => name);
  const recorded = was === null || names.length === 0 ? [] : sinceThen(was, now, names);
  // The runs would say the same once more, each.
  const changed = recorded.length > 0 ? recorded : there.flatMap((run) => run.changed);
  const lines = changed.map(
    ({ key, was: before, is }) => `${key} was ${shownSetting(before)}, now ${shownSetting(is)}`,
  );
  for (const { name, known } of there)
    if (!known && was?.runs[name] === undefined) lines.push(`${name}: nothing says what it was trained with`);
  if (lines.length > 0)
    throw new KdError('RUN_FOLDER', [
      `${shownPath(folder)} holds runs (${names.join(', ')}) that cannot stand in one table with those of today: name another folder with --out, or remove these. What differs:`,
      ...lines.map((line) => `  ${line}`),
    ]);
  await writeFileAtomic(
    join(folder, FILE),
    `${JSON.stringify({ ...now, runs: { ...was?.runs, ...now.runs } }, null, 2)}\n`,
  );
}

/** What two records tell otherwise of runs that are there. */
function sinceThen(was: StudyRecord, now: StudyRecord, names: readonly string[]): ChangedSetting[] {
  const known = names.filter((name) => name in was.runs && name in now.runs);
  const of = ({ versions, data, runs }: StudyRecord): Record<string, unknown> => ({
    versions,
    data,
    runs: Object.fromEntries(known.map((name) => [name, runs[name]])),
  });
  return changedSettings(of(was), of(now));
}

const isRecord = (value: unknown): value is StudyRecord =>
  isObject(value) &&
  ['versions', 'data', 'runs'].every((key) => isObject(value[key])) &&
  (value['budget'] === undefined || isBudget(value['budget']));

export async function readRecord(folder: string): Promise<StudyRecord | null> {
  const file = join(folder, FILE);
  try {
    const record: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isRecord(record)) throw new Error('it is no record of a study');
    return record;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new KdError(
      'RUN_FOLDER',
      `${shownPath(file)}, which says what the runs beside it are, cannot be read: ${messageOf(cause)}. Remove it, since runs say so themselves, or name another folder with --out`,
      { cause },
    );
  }
}
