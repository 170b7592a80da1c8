import { resolve } from 'node:path';
import type { Dataset } from './contract/data.js';
import type { DetectorDefinition } from './contract/detector.js';
import type { EngineInfo } from './contract/engine.js';
import type { Listener, Summary, TrainerEvent } from './contract/listener.js';
import type { Metric } from './contract/metric.js';
import type { PluginDefinition } from './contract/plugin.js';
import { buildDetector, type BuiltDetector, checkTeacher, loadModel, openDataset, resolveEngine, resolveMetric, resolveUse, type TrainerPorts } from './build.js';
import { type Config, parseConfig, type ResolvedConfig } from './config.js';
import { createServices, DATASET, ENGINE, LOGGER, RNG, RUN_FOLDER, type Services, STUDENT, TEACHER } from './container.js';
import { KdError, messageOf } from './errors.js';
import { consoleLogger, type Logger } from './logger.js';
import { createDistillers, type Distiller } from './plugin-host.js';
import { createRng } from './rng.js';
import { openRunFolder, type RunFolder } from './run-folder.js';
import { TapRegistry } from './taps.js';
import { TrainingLoop } from './training-loop.js';
import { latestCheckpoint, readModel } from './checkpoints.js';
import { loadMatching } from './variables.js';

export interface TrainerOptions extends TrainerPorts {
  /** The run folder. */
  readonly out: string;
  /** Folder of the config: relative paths and installed plugins are found from it. Default: the working directory. */
  readonly folder?: string;
  readonly listeners?: readonly Listener[];
  readonly logger?: Logger;
  /** Go on from the newest checkpoint of the run folder. */
  readonly resume?: boolean;
  /** Stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** What the person typed, for summary.json. */
  readonly command?: string;
}

/** Everything a run is made of. */
export interface Run {
  readonly config: ResolvedConfig;
  readonly options: TrainerOptions;
  readonly engine: EngineInfo;
  readonly services: Services;
  readonly logger: Logger;
  readonly folder: RunFolder;
  readonly train: Dataset;
  readonly val: Dataset | null;
  readonly metric: Metric;
  readonly student: BuiltDetector;
  readonly teacher: BuiltDetector | null;
  readonly distillers: readonly Distiller[];
  readonly taps: Readonly<Record<'student' | 'teacher', readonly string[]>>;
}

/**
 * Trains a student, with a teacher and distillers or alone.
 *
 * ```ts
 * const summary = await new Trainer(config, { out: 'runs/student', format: safetensorsFormat }).fit();
 * ```
 */
export class Trainer {
  readonly #config: ResolvedConfig;
  readonly #options: TrainerOptions;

  /** @throws KdError CONFIG_INVALID */
  constructor(config: Config, options: TrainerOptions) {
    this.#config = parseConfig(config, 'the config');
    this.#options = options;
  }

  /** Trains to the end, or until the signal stops it. Leaves checkpoints, metrics.jsonl and summary.json in the run folder. */
  async fit(): Promise<Summary | null> {
    const run = await prepare(this.#config, this.#options);
    try {
      return await new TrainingLoop(run, emitter(this.#options.listeners ?? [], run.logger)).run();
    } finally {
      for (const one of [...run.distillers, run.teacher?.detector, run.student.detector]) {
        try {
          one?.dispose();
        } catch (error) {
          run.logger.warn(`at the end of the run: ${messageOf(error)}`);
        }
      }
    }
  }
}

async function prepare(config: ResolvedConfig, options: TrainerOptions): Promise<Run> {
  const folder = resolve(options.folder ?? '.');
  const logger = options.logger ?? consoleLogger;
  if (config.teacher === undefined && config.distillers.length > 0) {
    throw new KdError('CONFIG_INVALID', 'distillers need a teacher: add teacher: { weights: "<run folder or checkpoint>" }, or drop distillers.');
  }
  const studentUse = await resolveUse<DetectorDefinition>('detector', config.student, folder);
  const teacherUse = config.teacher?.detector === undefined ? undefined : await resolveUse<DetectorDefinition>('detector', config.teacher.detector, folder);
  const uses = await Promise.all(config.distillers.map((entry) => resolveUse<PluginDefinition>('distiller', entry, folder)));
  const metric = resolveMetric(config.evaluate.metric, options);
  const train = await openDataset(config.data.train, folder, options);
  const val = config.data.val === undefined ? null : await openDataset(config.data.val, folder, options);
  checkData(train, val);
  const runFolder = await claimFolder(resolve(options.out), options);
  const engine = await resolveEngine(config.engine, folder);
  const engineInfo = await engine.start();
  const rng = createRng(config.seed);

  const context = { runOp: engine.runOp?.bind(engine) };
  const student = buildDetector(studentUse, { ...context, categories: train.categories, seed: config.seed }, config.init ?? null);
  const disposable: { dispose(): void }[] = [student.detector];
  try {
    // Before the plugins are made: one may start the student from the teacher's neck and head.
    if (config.init !== undefined && options.resume !== true) {
      const model = await readModel(resolve(folder, config.init), options.format);
      const unmatched = loadMatching(student.detector, model.tensors, model.file);
      if (unmatched !== '') logger.warn(`init: ${model.file} does not match the student everywhere: ${unmatched}; the rest starts from its initial values.`);
    }
    const teacher = config.teacher === undefined ? null : await loadModel(config.teacher.weights, { ...options, folder, use: teacherUse, context, categories: train.categories });
    if (teacher !== null) disposable.push(teacher.detector);
    const services = createServices();
    services.register(ENGINE, engine);
    services.register(LOGGER, logger);
    services.register(RNG, rng);
    services.register(RUN_FOLDER, runFolder);
    services.register(DATASET, train);
    services.register(STUDENT, student.detector);
    let distillers: readonly Distiller[] = [];
    let taps: Run['taps'] = { student: [], teacher: [] };
    if (teacher !== null) {
      checkTeacher(teacher, student);
      services.register(TEACHER, teacher.detector);
      const registry = new TapRegistry({ student: student.detector, teacher: teacher.detector });
      distillers = createDistillers(uses, services, registry);
      taps = { student: registry.requested('student'), teacher: registry.requested('teacher') };
    }
    return { config, options: { ...options, folder }, engine: engineInfo, services, logger, folder: runFolder, train, val, metric, student, teacher, distillers, taps };
  } catch (error) {
    for (const one of disposable) one.dispose();
    throw error;
  }
}

function checkData(train: Dataset, val: Dataset | null): void {
  if (train.images.length === 0) throw new KdError('DATA_INVALID', `the training data (${train.name}) has no images.`);
  const names = (data: Dataset): string => data.categories.map(({ name }) => name).join(', ');
  if (val !== null && names(val) !== names(train)) {
    throw new KdError('DATA_INVALID', `training and validation data have other classes: ${names(train)} and ${names(val)}. Give both the same list of classes.`);
  }
}

/** A fresh run wants a folder without checkpoints, a resumed one wants a folder with some. */
async function claimFolder(path: string, options: TrainerOptions): Promise<RunFolder> {
  const latest = await latestCheckpoint(path, options.format);
  if (options.resume === true && latest === null) throw new KdError('RUN_FOLDER', `${path} has no checkpoint to resume from; start without --resume.`);
  if (options.resume !== true && latest !== null) throw new KdError('RUN_FOLDER', `${path} already holds a run; go on with --resume, or name another folder with --out.`);
  return openRunFolder(path);
}

/** Hands events to the listeners in order; one that throws is warned of and left out from then on. */
function emitter(listeners: readonly Listener[], logger: Logger): (event: TrainerEvent) => Promise<void> {
  const active = new Set(listeners);
  return async (event) => {
    // A copy: a listener cannot reach what training works with.
    const copy = structuredClone(event);
    for (const listener of active) {
      try {
        await listener.on(copy);
      } catch (error) {
        active.delete(listener);
        logger.warn(`listener "${listener.name}" failed and is left out from here: ${messageOf(error)}`);
      }
    }
  };
}
