import type { CheckpointFormat } from '../contract/checkpoint.js';
import type { Dataset } from '../contract/data.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { ResolvedConfig } from '../config.js';
import { isObject } from '../is-object.js';
import { parseOptions } from '../options.js';
import { resolveDistillers } from '../plugins/presets.js';
import { withBackboneNamed } from './backbone-use.js';
import { resolveEngine, resolveMetric, resolveUse, type TrainerPorts } from './build.js';
import {
  type ChangedSetting,
  changedSettings,
  functionsAsText,
  type RunSettings,
  settingsOfData,
  settingsOfEvaluation,
} from './run-settings.js';
import { resolveTeachers } from './teachers.js';

export interface ConfigSettingsOptions extends TrainerPorts {
  /** Names are looked up from here. */
  readonly folder: string;
  /** Left out where it is not known: nothing of it is in the settings then. */
  readonly data?: { readonly train: Dataset; readonly val: Dataset };
}

/**
 * The settings that checkpoints of a run keep, as far as they follow from its config: no model is built for it, so that
 * options which are worked out from models are not there.
 * @throws KdError for a name that nothing stands for, options that do not fit
 */
export async function configSettings(
  config: ResolvedConfig,
  { folder, data, ...ports }: ConfigSettingsOptions,
): Promise<RunSettings> {
  const student = await resolveUse<DetectorDefinition>('detector', config.student, folder);
  const distillers = await resolveDistillers(config.distillers, student.definition.name, folder);
  for (const { entry, use } of await resolveTeachers(config, folder))
    if (entry === null) parseOptions(use.definition.options, use.options, `teacher "${use.definition.name}"`);
  await resolveEngine(config.engine, folder);
  const metric = resolveMetric(config.evaluate.metric, ports);
  const { lr, ...optimizer } = config.optimizer;
  const { name } = student.definition;
  const settings = {
    fixed: {
      seed: config.seed,
      student: {
        detector: name,
        ...(withBackboneNamed(
          parseOptions(student.definition.options, student.options, `detector "${name}"`),
        ) as object),
      },
      distillers: distillers.map(({ definition, options, as: id = definition.name }) => ({
        id,
        name: definition.name,
        options: parseOptions(definition.options, options, `distiller "${id}"`),
      })),
      data: {
        ...(data && { train: settingsOfData(data.train) }),
        augment: config.data.augment,
        buckets: config.data.buckets,
      },
      batchSize: config.batchSize,
      accumulate: config.accumulate,
      optimizer,
      inherit: config.inherit.length > 0 ? config.inherit : undefined,
      clipNorm: config.clipNorm,
      ema: config.ema,
    },
    told: {
      epochs: config.epochs,
      optimizer: { lr },
      schedule: config.schedule,
      stop: config.stop,
      data: {
        ...(data && { val: settingsOfData(data.val) }),
        onBadImage: config.data.onBadImage,
      },
      evaluate: settingsOfEvaluation(config, metric),
    },
  };
  // Keys without a value stay: that there is none is said, too.
  return Object.fromEntries(
    Object.entries(settings).map(([part, values]) => [
      part,
      Object.fromEntries(Object.entries(values).map(([key, value]) => [key, asPlain(value)])),
    ]),
  ) as unknown as RunSettings;
}

const asPlain = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value, functionsAsText)) as unknown);

/** What a checkpoint says of the run that wrote it. Null where it does not say, or cannot be read. */
export async function settingsIn(file: string, format: CheckpointFormat): Promise<RunSettings | null> {
  try {
    const { metadata } = await format.read(file);
    const { settings } = JSON.parse(metadata['training'] ?? '{}') as { readonly settings?: RunSettings };
    return isObject(settings?.fixed) && isObject(settings.told) ? settings : null;
  } catch {
    return null;
  }
}

/** What a run was trained with and its config asks otherwise now; what only models tell is left out of it. */
export const otherSettings = (was: RunSettings, now: RunSettings): ChangedSetting[] =>
  (['fixed', 'told'] as const).flatMap((part) =>
    changedSettings(
      Object.fromEntries(Object.entries(now[part]).map(([key, value]) => [key, asFarAs(was[part][key], value)])),
      now[part],
    ),
  );

/** Of objects the keys that another has, at any depth. */
function asFarAs(value: unknown, other: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(other))
    return value.map((one, i) => (i < other.length ? asFarAs(one, other[i]) : one));
  if (typeof value !== 'object' || value === null || typeof other !== 'object' || other === null) return value;
  return Object.fromEntries(
    Object.entries(other).map(([key, inner]) => [key, asFarAs((value as Record<string, unknown>)[key], inner)]),
  );
}
