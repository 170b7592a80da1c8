import { dirname, join, resolve } from 'node:path';
import {
  type BuiltDetector,
  type Category,
  compilerOf,
  createInference,
  type DetectorDefinition,
  type DetectorSpec,
  type Engine,
  type EngineInfo,
  findCheckpoint,
  type Inference,
  isKdError,
  isObject,
  KdError,
  type KnownDefinition,
  loadModel,
  messageOf,
  readModel,
  resolveEngine,
  resolveUse,
  shown,
  startedEngine,
  type Use,
  readRegularText,
  type WeightsOptions,
} from '@kd/core';
import { engineChoice } from './engine-choice.js';
import { definitionsOfConfig, engineOfConfig } from './from-config.js';
import { namedWithOptions } from './metric-argument.js';
import { dataFolder, type FoundOrigin, NO_ORIGIN, pluginFolder, readOrigin } from './origin.js';
import { ports } from './ports.js';

/** A run folder, or a checkpoint, as a command names it: found, but not loaded yet. */
export interface FoundModel {
  readonly file: string;
  /** Which of the weights in a file of another program. */
  readonly meant: WeightsOptions;
  /** Null for a file of another program. */
  readonly categories: readonly Category[] | null;
  /** The config of the run that the checkpoint belongs to, with every default filled in. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** The file of that config. */
  readonly configFile: string;
  readonly origin: FoundOrigin;
  /** Relative paths of the config start here. */
  readonly folder: string;
  /** Plugins are looked up from here. */
  readonly pluginFolder: string;
  /** Which detector it says that it holds; null for a file of another program. */
  readonly spec: DetectorSpec | null;
}

/** @throws KdError CHECKPOINT_INVALID */
export async function findModel(path: string, meant: WeightsOptions = {}): Promise<FoundModel> {
  const file = await findCheckpoint(path, ports.format);
  const run = dirname(dirname(file));
  const config = await readConfig(run);
  const origin = config === null ? NO_ORIGIN : await readOrigin(run);
  const { spec } = await readModel(file, ports.format, meant);
  return {
    file,
    meant,
    categories: spec?.categories ?? null,
    config,
    configFile: join(run, 'config.json'),
    origin,
    folder: dataFolder(origin),
    pluginFolder: pluginFolder(origin),
    spec,
  };
}

/** null where there is none; one that cannot be read is no reason to measure something else. */
async function readConfig(run: string): Promise<Readonly<Record<string, unknown>> | null> {
  const file = join(run, 'config.json');
  try {
    const config = JSON.parse(await readRegularText(file)) as unknown;
    if (isObject(config)) return config;
    throw new Error(`it holds ${shown(config)}, where an object is wanted`);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(String((cause as NodeJS.ErrnoException).code))) return null;
    throw new KdError(
      'RUN_FOLDER',
      `${file}, which holds the settings of the run, cannot be read: ${messageOf(cause)}; restore it, or copy the checkpoint out of the folder.`,
      { cause },
    );
  }
}

/** A model that was loaded, and the engine that runs it. */
export interface OpenModel {
  readonly built: BuiltDetector;
  readonly engine: EngineInfo;
  /** Compiled, unless the run has `compile: false`. */
  readonly inference: Inference;
  /** Frees both. */
  close(): void;
}

/** Starts the engine of the run, or the one that the command line names, and loads the model into it. */
export async function openModel(
  found: FoundModel,
  options: { readonly detector?: unknown; readonly categories?: readonly Category[] },
): Promise<OpenModel> {
  const { file, pluginFolder: folder } = found;
  const use =
    options.detector === undefined
      ? await useOfRun(found)
      : await resolveUse<DetectorDefinition>('detector', detectorArgument(String(options.detector)), folder);
  const engine = await engineOfRun(found);
  const info = await startedEngine(engine);
  const built = await loadModel([resolve(file), found.meant], {
    format: ports.format,
    folder,
    context: { runOp: engine.runOp?.bind(engine) },
    use,
    ...(options.categories === undefined ? {} : { categories: options.categories }),
  });
  const compile = found.config?.['compile'] === false ? null : compilerOf(engine);
  const inference = createInference(built.detector, { compile });
  return {
    built,
    engine: info,
    inference,
    close: () => {
      inference.close();
      built.detector.dispose();
    },
  };
}

/** The detector and backbone that the file names: declared ones, else those that the config of the run brings. */
async function useOfRun({
  spec,
  file,
  pluginFolder: folder,
  origin,
}: FoundModel): Promise<Use<DetectorDefinition> | undefined> {
  if (spec === null) return undefined;
  const options = (spec.options ?? {}) as Record<string, unknown>;
  const resolved = (known: readonly KnownDefinition[] = []): Promise<Use<DetectorDefinition>> =>
    resolveUse<DetectorDefinition>('detector', [spec.name, options], folder, file, known);
  return orFromConfig(resolved, async () => {
    const known = await definitionsOfConfig(spec.name, origin);
    return known === undefined ? undefined : resolved(known);
  });
}

/** The engine that the command line names, else the run, likewise; where there is no run, the best that is here. */
export async function engineOfRun({
  config,
  configFile,
  pluginFolder: folder,
  origin,
}: Pick<FoundModel, 'config' | 'configFile' | 'pluginFolder' | 'origin'>): Promise<Engine> {
  const named = engineChoice();
  if (named !== undefined) return resolveEngine(named, folder);
  const name = config?.['engine'];
  if (typeof name !== 'string') return resolveEngine('auto', folder);
  return orFromConfig(
    () => resolveEngine(name, folder, configFile),
    () => engineOfConfig(name, origin),
  );
}

async function orFromConfig<T>(declared: () => Promise<T>, brought: () => Promise<T | undefined>): Promise<T> {
  try {
    return await declared();
  } catch (error) {
    if (!isKdError(error) || error.code !== 'PLUGIN_NOT_FOUND') throw error;
    const found = await brought();
    if (found === undefined) throw error;
    return found;
  }
}

/** `retinanet`, or `["retinanet", { … }]`. */
const detectorArgument = (text: string): string | [string, Record<string, unknown>] =>
  text.trimStart().startsWith('[') ? namedWithOptions(text, '--detector') : text;
