import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  type BuiltDetector,
  type Category,
  type DetectorDefinition,
  type EngineInfo,
  findCheckpoint,
  KdError,
  loadModel,
  readModel,
  resolveEngine,
  resolveUse,
} from '@kd/core';
import { parseJson } from './data-argument.js';
import { readOrigin } from './origin.js';
import { ports } from './ports.js';

/** A run folder, or a checkpoint, as a command names it: found, but not loaded yet. */
export interface FoundModel {
  readonly file: string;
  /** Null for a file of another program. */
  readonly categories: readonly Category[] | null;
  /** The config of the run that the checkpoint belongs to, with every default filled in. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** Plugins, and relative paths of the config, are looked up from here. */
  readonly folder: string;
}

/** @throws KdError CHECKPOINT_INVALID */
export async function findModel(path: string): Promise<FoundModel> {
  const file = await findCheckpoint(path, ports.format);
  const run = dirname(dirname(file));
  const config = await readConfig(run);
  const origin = config === null ? null : await readOrigin(run);
  const isThere =
    origin !== null &&
    (await stat(origin.folder).then(
      () => true,
      () => false,
    ));
  const { spec } = await readModel(file, ports.format);
  return { file, categories: spec?.categories ?? null, config, folder: isThere ? origin.folder : process.cwd() };
}

async function readConfig(run: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    return JSON.parse(await readFile(join(run, 'config.json'), 'utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Starts the engine of the run (else TensorFlow) and loads the model into it. */
export async function openModel(
  found: FoundModel,
  options: { readonly detector?: unknown; readonly categories?: readonly Category[] },
): Promise<{ readonly built: BuiltDetector; readonly engine: EngineInfo }> {
  const { file, folder, config } = found;
  const use =
    options.detector === undefined
      ? undefined
      : await resolveUse<DetectorDefinition>('detector', detectorArgument(String(options.detector)), folder);
  const name = config?.['engine'];
  const engine = await resolveEngine(typeof name === 'string' ? name : 'tensorflow', folder);
  const info = await engine.start();
  const built = await loadModel(resolve(file), {
    format: ports.format,
    folder,
    context: { runOp: engine.runOp?.bind(engine) },
    ...(use === undefined ? {} : { use }),
    ...(options.categories === undefined ? {} : { categories: options.categories }),
  });
  return { built, engine: info };
}

/** `retinanet`, or `["retinanet", { … }]`. */
function detectorArgument(text: string): string | [string, Record<string, unknown>] {
  if (!text.trimStart().startsWith('[')) return text;
  const value = parseJson(text, '--detector');
  const [name, options] = value as unknown[];
  if (typeof name !== 'string' || typeof options !== 'object' || options === null)
    throw new KdError('USAGE', `--detector ${text}: expected a name, or ["name", { options }].`);
  return [name, options as Record<string, unknown>];
}
