import { namesOf } from '../class-names.js';
import type { ResolvedConfig } from '../config.js';
import type { Dataset } from '../contract/data.js';
import type { Metric } from '../contract/metric.js';
import { fingerprintOfData, fingerprintOfFrozen } from '../fingerprint.js';
import type { Run } from './run.js';
import type { RunPrecision } from './run-precision.js';
import { ofTeachers } from './teachers.js';
import type { RunSteps } from './run-steps.js';

/** The settings of a run as plain data, kept in its checkpoints: what may not change when it goes on, and the rest. */
export interface RunSettings {
  /** With another value it would be another run. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** People change these on purpose; a change is told. */
  readonly told: Readonly<Record<string, unknown>>;
}

/** A setting that is not what it was. */
export interface ChangedSetting {
  /** e.g. `optimizer.momentum` */
  readonly key: string;
  readonly was: unknown;
  readonly is: unknown;
}

export async function runSettings(
  { config, student, teachers, distillers, train, val, metric, engine, stop, precision }: Run,
  { stepsPerEpoch, loader }: Pick<RunSteps, 'stepsPerEpoch' | 'loader'>,
): Promise<RunSettings> {
  const { lr, ...optimizer } = config.optimizer;
  const { spec } = student;
  const weights = await Promise.all(
    teachers.map(
      async ({ id, detector, classes, foreign }) =>
        [
          id,
          {
            weights: await fingerprintOfFrozen(detector),
            ...(classes && { classes }),
            // Part of its fingerprint too, which does not say what of it changed.
            ...(foreign && { input: foreign.input, taps: foreign.taps }),
          },
        ] as const,
    ),
  );
  const settings = {
    fixed: {
      seed: config.seed,
      student: { detector: spec.name, ...(spec.options as object) },
      classes: namesOf(spec),
      ...ofTeachers(config, weights),
      distillers: distillers.map(({ id, name, options }) => ({ id, name, options })),
      data: {
        // Of names and annotations: the folder may have been moved.
        train: settingsOfData(train),
        augment: loader.augment ?? config.data.augment,
        buckets: config.data.buckets,
      },
      batchSize: config.batchSize,
      accumulate: config.accumulate,
      stepsPerEpoch,
      optimizer,
      // A run from before there was the key has none.
      ...(config.inherit.length > 0 && { inherit: config.inherit }),
      clipNorm: config.clipNorm,
      ema: config.ema,
    },
    told: {
      epochs: config.epochs,
      optimizer: { lr },
      schedule: config.schedule,
      ...(stop && { stop }),
      // Equal to float tolerance, not bit for bit.
      ...(!config.compile && { compile: false }),
      ...(precision && { precision: toldPrecision(config.precision, precision) }),
      // What is kept is rounded to fp16.
      ...(config.cacheTeacher === true && { cacheTeacher: true }),
      data: {
        val: val === null ? null : settingsOfData(val),
        onBadImage: config.data.onBadImage,
      },
      evaluate: settingsOfEvaluation(config, metric),
      engine: { name: engine.name, version: engine.version, device: engine.device },
    },
  };
  return JSON.parse(JSON.stringify(settings, functionsAsText)) as RunSettings;
}

/** Mixed precision is of the bits that the machine has: other ones are told, too. */
const toldPrecision = (asked: unknown, { of, floats }: RunPrecision): unknown =>
  of === 'step' ? `mixed, in ${floats}` : asked;

export const settingsOfData = (dataset: Dataset): { images: number; fingerprint: string } => ({
  images: dataset.images.length,
  fingerprint: fingerprintOfData(dataset),
});

export const settingsOfEvaluation = ({ evaluate: { every } }: ResolvedConfig, { name, options }: Metric) => ({
  every,
  metric: options === undefined ? name : [name, options],
});

/** An option may be a function, a selector say. */
export const functionsAsText = (_: string, value: unknown): unknown =>
  typeof value === 'function' ? String(value) : value;

/** What differs, key by key. */
export function changedSettings(
  was: Readonly<Record<string, unknown>>,
  is: Readonly<Record<string, unknown>>,
): ChangedSetting[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((key) => differences(was[key], is[key], key));
}

function differences(was: unknown, is: unknown, key: string): ChangedSetting[] {
  if (isTree(was) && isTree(is) && was['length'] === is['length']) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    return keys.flatMap((one) => differences(was[one], is[one], `${key}.${one}`));
  }
  return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ key, was, is }];
}

/** An object, or a list of objects: what has keys worth naming. */
const isTree = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' &&
  value !== null &&
  (!Array.isArray(value) || value.some((one) => typeof one === 'object'));

/** A value in words, at a length that fits a line. */
export function shownSetting(value: unknown): string {
  const text = value === undefined ? 'none' : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
