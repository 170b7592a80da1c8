import { isAbsolute, resolve } from '#host/paths';
import * as tf from '@tensorflow/tfjs-core';
import type { CheckpointFormat } from '../contract/checkpoint.js';
import type { Category, Dataset, DatasetSource } from '../contract/data.js';
import type { Detector, DetectorContext, DetectorDefinition } from '../contract/detector.js';
import type { Engine, EngineInfo } from '../contract/engine.js';
import type { ModelInfo } from '../contract/listener.js';
import type { Metric } from '../contract/metric.js';
import { API_VERSION, type PluginDefinition } from '../contract/plugin.js';
import type { TeacherDefinition } from '../contract/teacher.js';
import { autoEngine } from './auto-engine.js';
import { backboneUse, type KnownDefinition, withBackbone, withBackboneNamed } from './backbone-use.js';
import {
  type DetectorSpec,
  readModel,
  type WeightsEntry,
  weightsFor,
  weightsOptions,
  weightsPath,
} from './checkpoints.js';
import type { ResolvedConfig } from '../config.js';
import type { Use } from '../define.js';
import { withDerived } from '../derived-options.js';
import { importByName } from '#host/discovery';
import type { PluginKind } from '../plugins/manifest.js';
import { isKdError, KdError, messageOf } from '../errors.js';
import { checkMembers, checkText, MEMBERS } from '../members.js';
import { consoleLogger, type Logger } from '../logger.js';
import { parseOptions } from '../options.js';
import { withParameterBudget } from '../parameter-budget.js';
import { withStoredClasses, withStoredSettings } from './stored-settings.js';
import { loadDetector } from '../variables.js';

/** What the trainer cannot know by itself: ports that the command line, or a program, fills. */
export interface TrainerPorts {
  readonly format: CheckpointFormat;
  /** Opens data that a config describes as plain data, `{ format: 'coco', … }`. */
  readonly openData?: (spec: Readonly<Record<string, unknown>>) => DatasetSource;
  /** A metric by its name, with options. */
  readonly metric?: (name: string, options: Readonly<Record<string, unknown>>) => Metric;
}

/** A detector with the words that build it again. */
export interface BuiltDetector {
  readonly detector: Detector;
  readonly definition: DetectorDefinition;
  readonly spec: DetectorSpec;
  readonly info: ModelInfo;
}

/**
 * Turns names and pairs of a config into definitions with options, the name of a detector's backbone too.
 * @param namedBy the file that says so, where no person does; see {@link importByName}
 * @param known definitions that are there already: their names stand for them, installed or not
 */
export async function resolveUse<Definition extends DetectorDefinition | PluginDefinition | TeacherDefinition>(
  kind: Extract<PluginKind, 'detector' | 'distiller' | 'teacher'>,
  entry: string | Use<Definition> | readonly [string, Record<string, unknown>, { as: string }?],
  folder: string,
  namedBy?: string,
  known: readonly KnownDefinition[] = [],
): Promise<Use<Definition>> {
  const use = await resolveName<Definition>(kind, entry, folder, namedBy, known);
  if (kind !== 'detector') return use;
  return (await withBackbone(use as Use<DetectorDefinition>, folder, namedBy, known)) as Use<Definition>;
}

async function resolveName<Definition extends DetectorDefinition | PluginDefinition | TeacherDefinition>(
  kind: Extract<PluginKind, 'detector' | 'distiller' | 'teacher'>,
  entry: string | Use<Definition> | readonly [string, Record<string, unknown>, { as: string }?],
  folder: string,
  namedBy: string | undefined,
  known: readonly KnownDefinition[],
): Promise<Use<Definition>> {
  if (Array.isArray(entry)) checkText(entry[0], `the name of a ${kind}`);
  else if (typeof entry !== 'string') {
    checkMembers(entry, {}, `a ${kind}, where it is no name,`, 'USAGE');
    if (!('definition' in entry))
      checkMembers(entry, { definition: 'object' }, `a ${kind}, where it is no name,`, 'USAGE');
  }
  if (typeof entry === 'object' && 'definition' in entry) {
    checkMembers(entry.definition, MEMBERS[kind], `the ${kind} that the config imports`);
    return entry;
  }
  const [name, options, more] = typeof entry === 'string' ? [entry, {}] : entry;
  const there = known.find((one) => one.kind === kind && one.name === name);
  const definition = (there ?? (await importByName(kind, name, folder, namedBy))) as unknown as Definition;
  return { definition, options, ...(more === undefined ? {} : { as: more.as }) };
}

/** The definitions of a detector and of its backbone. */
export function definitionsOf(use: Use<DetectorDefinition>): readonly KnownDefinition[] {
  const backbone = backboneUse(use.options);
  return backbone === undefined ? [use.definition] : [use.definition, backbone.definition];
}

/** @param logger told, once the engine "auto" starts, which one it is where that is not the fastest */
export async function resolveEngine(
  engine: string | Engine,
  folder: string,
  namedBy?: string,
  logger: Logger = consoleLogger,
): Promise<Engine> {
  if (engine === 'auto') return autoEngine(folder, logger);
  if (typeof engine === 'string') return importByName('engine', engine, folder, namedBy);
  checkMembers(engine, MEMBERS.engine, 'the engine of the config');
  return engine;
}

/** @throws KdError PLUGIN_INVALID where the engine does not say what was started */
export async function startedEngine(engine: Engine): Promise<EngineInfo> {
  const info = await engine.start();
  checkMembers(info, MEMBERS.engineInfo, `what start of the engine "${engine.name}" returned`);
  return info;
}

/** Null where the engine does not compile. */
export const compilerOf = (engine: Engine): NonNullable<Engine['compile']> | null =>
  engine.compile === undefined || !engine.capabilities().compile ? null : (fn, options) => engine.compile!(fn, options);

function created(what: string, create: () => Detector): Detector {
  const before = new Set(Object.keys(tf.engine().registeredVariables));
  try {
    return withParameterBudget(create);
  } catch (cause) {
    for (const [name, variable] of Object.entries(tf.engine().registeredVariables))
      if (!before.has(name)) variable.dispose();
    if (isKdError(cause)) throw cause;
    throw new KdError('PLUGIN_HOOK', `${what}: create threw: ${messageOf(cause)}`.split('\n'), { cause });
  }
}

export function buildDetector(
  use: Use<DetectorDefinition>,
  context: DetectorContext,
  weights: string | null = null,
): BuiltDetector {
  checkMembers(use, { definition: 'object' }, 'a detector with its options', 'USAGE');
  checkMembers(use.definition, MEMBERS.detector, 'the definition of a detector');
  checkMembers(
    context,
    { categories: 'list', seed: 'number', runOp: 'function?' },
    'what a detector is made for',
    'USAGE',
  );
  const { definition, options: given } = use;
  if (definition.apiVersion !== API_VERSION) {
    throw new KdError(
      'PLUGIN_INVALID',
      `detector "${definition.name}" is built for version ${definition.apiVersion} of the contract, this core speaks ${API_VERSION}.`,
    );
  }
  const what = `detector "${definition.name}"`;
  const options = parseOptions(definition.options, given, what);
  const detector = created(what, () => definition.create(options, context));
  checkMembers(detector, MEMBERS.built, `what create of ${what} returned`);
  const size = (of: Detector['variables']): number => of.reduce((sum, { variable }) => sum + variable.size, 0);
  return {
    detector,
    definition,
    spec: {
      name: definition.name,
      options: withBackboneNamed(withDerived(definition.options, options, detector.config)),
      categories: context.categories,
    },
    info: {
      detector: definition.name,
      parameters: size(detector.variables),
      trainable: size(detector.variables.filter(({ trainable }) => trainable)),
      weights,
    },
  };
}

/**
 * Builds a detector from a run folder or a checkpoint; `use` is needed, and used, where the file does not say what it
 * holds.
 */
export async function loadModel(
  weights: WeightsEntry,
  options: {
    readonly format: CheckpointFormat;
    readonly folder: string;
    readonly use?: Use<DetectorDefinition> | undefined;
    /** Definitions that are there already: a file may name them, installed or not. */
    readonly known?: readonly KnownDefinition[];
    readonly context: Omit<DetectorContext, 'categories' | 'seed'>;
    readonly categories?: readonly Category[];
    readonly logger?: Logger;
  },
): Promise<BuiltDetector> {
  const path = weightsPath(weights);
  const meant = weightsOptions(weights);
  const model = await readModel(isAbsolute(path) ? path : resolve(options.folder, path), options.format, meant);
  const { file, spec } = model;
  const logger = options.logger ?? consoleLogger;
  const categories = spec?.categories ?? withStoredClasses(options.categories, model, logger);
  if (categories === undefined || (spec === null && options.use === undefined)) {
    throw new KdError(
      'CHECKPOINT_INVALID',
      options.use === undefined
        ? `${file} does not say which detector it holds; name it and its options beside it, e.g. --detector '["retinanet", { "backbone": "resnet18" }]' or the key detector of a teacher.`
        : `${file} does not say which classes it was trained on; name them in their order: --classes, or data that have them.`,
    );
  }
  const { folder, known } = options;
  const use =
    options.use ??
    (await resolveUse<DetectorDefinition>(
      'detector',
      [spec!.name, (spec!.options ?? {}) as Record<string, unknown>],
      folder,
      file,
      known,
    ));
  const meantUse = withStoredSettings(use, model, logger);
  const built = buildDetector(meantUse, { ...options.context, categories, seed: 0 }, file);
  try {
    const { tensors, foreign } = weightsFor(built.detector, model, options.format, meant);
    loadDetector(built.detector, tensors, file, foreign);
  } catch (error) {
    built.detector.dispose();
    throw error;
  }
  return built;
}

/**
 * A data source of the config, opened.
 * @param classes names that labels are wanted for; see {@link DatasetSource}
 */
export async function openDataset(
  source: ResolvedConfig['data']['train'],
  folder: string,
  ports: TrainerPorts,
  classes?: readonly string[],
): Promise<Dataset> {
  const opened = resolveSource(source, ports);
  checkMembers(opened, MEMBERS.source, 'the data source of the config');
  const dataset = await opened.open({ folder, ...(classes === undefined ? {} : { classes }) });
  checkMembers(dataset, MEMBERS.dataset, `the data set that "${opened.name}" opened`);
  return dataset;
}

export function resolveSource(source: ResolvedConfig['data']['train'], ports: TrainerPorts): DatasetSource {
  checkMembers(source, {}, 'a data source', 'USAGE');
  if (typeof (source as DatasetSource).open === 'function') return source as DatasetSource;
  if (ports.openData === undefined)
    throw new KdError(
      'USAGE',
      'data given by format and options needs the port openData; or use the functions of @kd/data: voc(…), coco(…), synthetic(…).',
    );
  return ports.openData(source as Readonly<Record<string, unknown>>);
}

/** A metric by its name becomes one that is recorded under that name. */
export function resolveMetric(metric: ResolvedConfig['evaluate']['metric'], ports: TrainerPorts): Metric {
  if (typeof metric === 'object' && metric !== null && 'evaluate' in metric) {
    checkMembers(metric, MEMBERS.metric, 'the metric of the config');
    return metric;
  }
  if (typeof metric !== 'string' && !Array.isArray(metric))
    checkMembers(metric, MEMBERS.metric, 'a metric, where it is no name,', 'USAGE');
  const [name, options] = typeof metric === 'string' ? [metric, {}] : metric;
  const found = ports.metric?.(name, options);
  if (found === undefined)
    throw new KdError(
      'USAGE',
      `a metric given by name ("${name}") needs the port metric, such as metricByName of @kd/metrics; or use its functions: cocoMetric(), vocMetric().`,
    );
  checkMembers(found, MEMBERS.metric, `the metric "${name}"`);
  return { options, ...found, name };
}
