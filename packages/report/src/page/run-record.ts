import { basename, join, resolve } from 'node:path';
import { isObject, KdError, type LogEvent, messageOf, type Plan, readRegularText, type Summary } from '@kd/core';
import { planLines } from '../plan-lines.js';
import type { OrWhy } from './findings.js';

/** A line of metrics.jsonl about an evaluation. */
export interface EvaluationLine {
  readonly step: number;
  readonly epoch: number;
  readonly images: number;
  readonly skipped: number;
  readonly best: boolean;
  readonly metrics: Figures;
  readonly perClass: Readonly<Record<string, Figures>>;
}

/** What is no number (JSON has none for NaN) is null. */
export type Figures = Readonly<Record<string, number | null>>;

export type LogLine = Pick<LogEvent, 'step' | 'epoch' | 'lr' | 'total' | 'imagesPerSecond' | 'waited' | 'memory'> & {
  readonly terms: Figures;
  readonly stats: Figures;
};

/** What a run folder tells without its weights and its data. */
export interface RunRecord {
  readonly name: string;
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Null while it is not written: the run has not come to its end. */
  readonly summary: Summary | null;
  readonly logs: readonly LogLine[];
  readonly evaluations: readonly EvaluationLine[];
  /** Lines of metrics.jsonl that could not be read. */
  readonly damaged: number;
  /** As `kd plan` prints it, without what its steps measure. */
  readonly plan: OrWhy<readonly string[]>;
}

/**
 * Reads a run folder; a run that failed, or goes on still, has what it wrote so far.
 * @throws KdError RUN_FOLDER where it is none, or config.json or summary.json cannot be read
 */
export async function readRun(path: string, name = basename(resolve(path))): Promise<RunRecord> {
  const folder = resolve(path);
  const config = await readObject(folder, 'config.json');
  if (config === null)
    throw new KdError(
      'RUN_FOLDER',
      `${path} is not the folder of a run: there is no config.json in it. Give the folder that kd train wrote with --out.`,
    );
  const text = await readRegularText(join(folder, 'metrics.jsonl')).catch((cause: unknown) => {
    if (isMissing(cause)) return '';
    throw unreadable(folder, 'metrics.jsonl', cause);
  });
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(lineOf);
  return {
    name,
    folder,
    config,
    summary: await readSummary(folder),
    logs: lines.flatMap((line) => (line?.type === 'log' ? [line.value as unknown as LogLine] : [])),
    evaluations: lines.flatMap((line) =>
      line?.type === 'evaluation' ? [line.value as unknown as EvaluationLine] : [],
    ),
    damaged: lines.filter((line) => line === null).length,
    plan: await readPlan(folder),
  };
}

/** Of a plan nothing depends: one that is damaged is told on the page. */
async function readPlan(folder: string): Promise<OrWhy<readonly string[]>> {
  try {
    const plan = await readObject(folder, 'plan.json');
    if (plan === null) return { why: 'It kept no plan: there is no plan.json in its folder.' };
    return { value: planLines(plan as unknown as Plan) };
  } catch (error) {
    return { why: `Its plan.json cannot be shown: ${messageOf(error)}` };
  }
}

interface Line {
  readonly type: 'log' | 'evaluation' | 'other';
  readonly value: Readonly<Record<string, unknown>>;
}

async function readSummary(folder: string): Promise<Summary | null> {
  const summary = await readObject(folder, 'summary.json');
  if (summary === null) return null;
  const lacks = [
    ...['steps', 'epochs', 'minutes', 'seed'].filter((key) => typeof summary[key] !== 'number'),
    ...['metrics', 'student', 'engine', 'versions'].filter((key) => !isObject(summary[key])),
    ...['distillers'].filter((key) => !Array.isArray(summary[key])),
  ];
  if (lacks.length > 0) throw unreadable(folder, 'summary.json', new Error(`it lacks ${lacks.join(', ')}`));
  return summary as unknown as Summary;
}

/** What sections read of a line, by its type. */
const PARTS = {
  log: { numbers: ['step'], objects: ['terms', 'stats'] },
  evaluation: { numbers: ['step', 'images'], objects: ['metrics', 'perClass'] },
} as const;

/** Null for a line that a crash cut off, or that somebody else wrote. */
function lineOf(text: string): Line | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { type } = value;
  if (type !== 'log' && type !== 'evaluation') return { type: 'other', value };
  const { numbers, objects } = PARTS[type];
  const whole =
    numbers.every((key) => typeof value[key] === 'number') &&
    objects.every((key) => isObject(value[key])) &&
    (type === 'log' || Object.values(value['perClass'] as object).every(isObject));
  return whole ? { type, value } : null;
}

const isMissing = (cause: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes(String((cause as NodeJS.ErrnoException).code));

const unreadable = (folder: string, name: string, cause: unknown): KdError =>
  new KdError(
    'RUN_FOLDER',
    `${join(folder, name)} cannot be read: ${messageOf(cause)}; restore it, or leave the run out.`,
    { cause },
  );

async function readObject(folder: string, name: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const value = JSON.parse(await readRegularText(join(folder, name))) as unknown;
    if (isObject(value)) return value;
    throw new Error('it holds no object');
  } catch (cause) {
    if (isMissing(cause)) return null;
    throw unreadable(folder, name, cause);
  }
}
