import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
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
import type { Budget } from './budget.js';
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
  const { data, ...rest } = plain({ ...config, data: { ...config.data, train: null, val: null } }) as {
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
 * @param begun whether a run has left anything
 * @throws KdError RUN_FOLDER naming what differs
 */
export async function keepRecord(folder: string, now: StudyRecord, begun: (name: string) => boolean): Promise<void> {
  const was = await readRecord(folder);
  if (was !== null) {
    const there = Object.keys(was.runs).filter(begun);
    const ofThere = (record: StudyRecord): Record<string, unknown> => ({
      versions: record.versions,
      data: record.data,
      runs: Object.fromEntries(there.flatMap((name) => (name in record.runs ? [[name, record.runs[name]]] : []))),
    });
    const changed =
      there.length === 0 ? [] : changedSettings(ofThere(was), ofThere(now)).filter(({ key }) => !gone(key, now));
    if (changed.length > 0)
      throw new KdError('RUN_FOLDER', [
        `${shownPath(folder)} holds runs (${there.join(', ')}) that cannot stand in one table with those of today: name another folder with --out, or remove these. What differs:`,
        ...changed.map(({ key, was: before, is }) => `  ${key} was ${shownSetting(before)}, now ${shownSetting(is)}`),
      ]);
  }
  await writeFileAtomic(
    join(folder, FILE),
    `${JSON.stringify({ ...now, runs: { ...was?.runs, ...now.runs } }, null, 2)}\n`,
  );
}

/** A run that the study no longer has is none of its table. */
const gone = (key: string, now: StudyRecord): boolean =>
  key.startsWith('runs.') &&
  !Object.keys(now.runs).some((name) => key === `runs.${name}` || key.startsWith(`runs.${name}.`));

const isRecord = (value: unknown): value is StudyRecord =>
  isObject(value) && ['versions', 'data', 'runs'].every((key) => isObject(value[key]));

export async function readRecord(folder: string): Promise<StudyRecord | null> {
  const file = join(folder, FILE);
  try {
    const record: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!isRecord(record)) throw new Error('it is no record of a study; name another folder with --out');
    return record;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new KdError(
      'RUN_FOLDER',
      `${file}, which says what the runs beside it are, cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
