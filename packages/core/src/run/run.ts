import { resolve } from '#host/paths';
import type { Dataset } from '../contract/data.js';
import type { DetectorDefinition } from '../contract/detector.js';
import type { DeviceClock, Engine, EngineInfo } from '../contract/engine.js';
import type { Metric } from '../contract/metric.js';
import {
  buildDetector,
  type BuiltDetector,
  compilerOf,
  definitionsOf,
  openDataset,
  resolveEngine,
  resolveMetric,
  resolveUse,
  startedEngine,
  type TrainerPorts,
} from './build.js';
import { weightsPath } from './checkpoints.js';
import type { Role } from '../contract/plugin.js';
import { runPrecision, type RunPrecision } from './run-precision.js';
import { type BuiltTeacher, definitionsOfTeacher, loadTeacher, resolveTeachers, teacherEntries } from './teachers.js';
import { checkCached } from './cached-teachers.js';
import type { ResolvedConfig } from '../config.js';
import { warnOfOtherCopies } from '../plugins/copies.js';
import { createServices, DATASET, ENGINE, LOGGER, RNG, RUN_FOLDER, type Services, STUDENT } from '../container.js';
import { KdError, messageOf } from '../errors.js';
import { consoleLogger, type Logger } from '../logger.js';
import { startStudent } from './start-student.js';
import { createDistillers, type Distiller } from '../plugins/plugin-host.js';
import { manifestWarnings } from '#host/discovery';
import { readManifests } from '#host/manifests';
import { type DistillerUse, resolveDistillers } from '../plugins/presets.js';
import { type InheritedPart, inheritParts } from './inherit.js';
import { createRng } from '../rng.js';
import type { RunFolder } from './run-folder.js';
import { TapRegistry, type TakenTaps } from '../plugins/taps.js';
import { classDifference, sharedClassesAdvice } from '../class-lists.js';
import { namesOf } from '../class-names.js';
import { isUnread } from './is-unread.js';
import { stopRule, type StopRule, warnOfPatience } from './early-end.js';
import { checkUsable } from './usable-data.js';
import { checkKernels } from './step-kernels.js';

export interface RunOptions extends TrainerPorts {
  /** Folder of the config: relative paths and installed plugins are found from it. Default: the working directory. */
  readonly folder?: string;
  /**
   * The file that the config was read from, where no person wrote it (`config.json` of a run): its names then stand for
   * declared plugins alone.
   */
  readonly namedBy?: string;
  readonly logger?: Logger;
  /** Go on from the newest checkpoint of the run folder. */
  readonly resume?: boolean;
  /** Stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Tells where the time of the first `steps` steps goes, as the event `profile`; training is the same. */
  readonly profile?: { readonly steps: number };
  /** What the person typed, for summary.json. */
  readonly command?: string;
}

/** Everything a run is made of. */
export interface Run {
  readonly config: ResolvedConfig;
  readonly options: RunOptions;
  readonly engine: EngineInfo;
  /** Whether the engine's device may go, with all that it holds. */
  readonly mayBeLost: boolean;
  /** Of an engine on a graphics card; null where that has no clock to read. */
  readonly timeDevice?: () => DeviceClock | null;
  /** Of an engine whose device widens half floats. */
  readonly fromHalves?: NonNullable<Engine['fromHalves']>;
  /** Of an engine whose device computes later than it is asked. */
  readonly keepPace?: () => Promise<void>;
  /** Null where the engine cannot, or the config does not want it. */
  readonly compile: NonNullable<Engine['compile']> | null;
  /** Null where all is computed in float32. */
  readonly precision: RunPrecision | null;
  readonly services: Services;
  readonly logger: Logger;
  readonly folder: RunFolder;
  readonly train: Dataset;
  readonly val: Dataset | null;
  readonly metric: Metric;
  /** When the run ends before its epochs. */
  readonly stop: StopRule | null;
  readonly student: BuiltDetector;
  /** Of those of the config, in its order. */
  readonly teachers: readonly BuiltTeacher[];
  readonly distillers: readonly Distiller[];
  /** What each of the distillers was made from. */
  readonly uses: readonly DistillerUse[];
  /** Names of the taps that a forward pass has to compute; of the teachers by their names. */
  readonly taps: {
    readonly student: readonly string[];
    readonly teachers: ReadonlyMap<string, readonly string[]>;
  };
  /** What the student started with of its teacher. */
  readonly inherited: readonly InheritedPart[];
  /** What each of the distillers asked for. */
  readonly taken: readonly TakenTaps[];
}

/**
 * Builds a run from its config, up to the first step: data, engine, student, teacher, distillers.
 * @param openFolder called once the config and the data are known to be usable
 */
export async function prepareRun(
  config: ResolvedConfig,
  options: RunOptions,
  openFolder: () => Promise<RunFolder>,
): Promise<Run> {
  const folder = resolve(options.folder ?? '.');
  const logger = options.logger ?? consoleLogger;
  const named = teacherEntries(config).length;
  if (named === 0 && config.distillers.length > 0) {
    throw new KdError(
      'CONFIG_INVALID',
      'distillers need a teacher: add teacher: { weights: "<run folder or checkpoint>" }, or drop distillers.',
    );
  }
  if (named !== 1 && config.inherit.length > 0)
    throw new KdError(
      'CONFIG_INVALID',
      `inherit needs one teacher to start from, here are ${named}: add teacher: { weights: "<run folder or checkpoint>" } instead, or drop inherit.`,
    );
  for (const warning of await manifestWarnings(await readManifests(folder))) logger.warn(warning);
  const { namedBy } = options;
  if (named > 0 && config.distillers.length === 0 && config.inherit.length === 0)
    logger.warn(
      'there is a teacher, but no distiller: nothing is learned from it. Add distillers: ["ssim"], say, or drop teacher.',
    );
  const studentUse = await resolveUse<DetectorDefinition>('detector', config.student, folder, namedBy);
  const teacherUses = await resolveTeachers(config, folder, namedBy);
  const uses = await resolveDistillers(config.distillers, studentUse.definition.name, folder, namedBy);
  warnOfOtherCopies(
    [
      ...definitionsOf(studentUse),
      ...teacherUses.flatMap(definitionsOfTeacher),
      ...uses.map(({ definition }) => definition),
    ],
    logger,
  );
  const metric = resolveMetric(config.evaluate.metric, options);
  const train = await openDataset(config.data.train, folder, options);
  const val =
    config.data.val === undefined ? null : await openDataset(config.data.val, folder, options, namesOf(train));
  await checkData(train, val, config.data.onBadImage);
  const stop = stopRule(config, { metric, val });
  warnOfPatience(stop, config, logger);
  const runFolder = await openFolder();
  const engine = await resolveEngine(config.engine, folder, namedBy, logger);
  const engineInfo = await startedEngine(engine);
  checkKernels(engine);
  const rng = createRng(config.seed);

  const context = { runOp: engine.runOp?.bind(engine) };
  const student = buildDetector(
    studentUse,
    { ...context, categories: train.categories, seed: config.seed },
    config.init === undefined ? null : weightsPath(config.init),
  );
  const disposable: { dispose(): void | Promise<void> }[] = [student.detector];
  try {
    // Before the plugins are made: one may start the student from the teacher's neck and head.
    const trained =
      options.resume === true ||
      (config.init !== undefined &&
        (await startStudent(student, studentUse, config.init, { folder, format: options.format, logger })));
    const teachers: BuiltTeacher[] = [];
    for (const one of teacherUses) {
      const loaded = await loadTeacher(one, {
        format: options.format,
        folder,
        logger,
        known: definitionsOf(studentUse),
        context,
        categories: train.categories,
        input: student.detector.input,
      });
      teachers.push(loaded);
      disposable.push(loaded);
    }
    if (config.cacheTeacher === true) checkCached(teachers, config.data.augment);
    const services = createServices();
    services.register(ENGINE, engine);
    services.register(LOGGER, logger);
    services.register(RNG, rng);
    services.register(RUN_FOLDER, runFolder);
    services.register(DATASET, train);
    services.register(STUDENT, student.detector);
    const inherited = inheritParts(student.detector, teachers, config.inherit, {
      copy: options.resume !== true,
      tell: (line) => logger.warn(line),
    });
    const hosts = new Map(
      teachers.map(({ id, detector, classes }) => [
        id,
        {
          detector,
          taps: new TapRegistry({ student: student.detector, teacher: detector }),
          ...(classes && { classes }),
        },
      ]),
    );
    const distillers = createDistillers(uses, services, hosts);
    if (!trained)
      for (const [i, { definition }] of uses.entries())
        if (definition.untrained !== undefined) logger.info(`${distillers[i]!.id}: ${definition.untrained}`);
    for (const { id } of teachers)
      if (config.distillers.length > 0 && isUnread(id, distillers))
        logger.warn(
          `nothing is learned from the teacher "${id}": no distiller names it. Give one the option teacher: "${id}", or drop it.`,
        );
    const taken = distillers.map(({ id, teacher }) => hosts.get(teacher!)!.taps.takenBy(id));
    const requested = (role: Role) => [...hosts].map(([id, { taps }]) => [id, taps.requested(role)] as const);
    const taps: Run['taps'] = {
      student: [...new Set(requested('student').flatMap(([, names]) => names))],
      teachers: new Map(requested('teacher')),
    };
    return {
      config,
      options: { ...options, folder },
      engine: engineInfo,
      mayBeLost: engine.capabilities().mayBeLost === true,
      ...(engine.keepPace && { keepPace: () => engine.keepPace!() }),
      ...(engine.fromHalves && { fromHalves: engine.fromHalves.bind(engine) }),
      ...(engineInfo.device === 'gpu' && { timeDevice: () => engine.timeDevice?.() ?? null }),
      compile: config.compile ? compilerOf(engine) : null,
      precision: runPrecision(config, engine, teachers, logger),
      services,
      logger,
      folder: runFolder,
      train,
      val,
      metric,
      stop,
      student,
      teachers,
      distillers,
      uses,
      taps,
      inherited,
      taken,
    };
  } catch (error) {
    for (const one of disposable) await one.dispose();
    throw error;
  }
}

/** Frees distillers and models; what one of them throws is warned of. */
export async function disposeRun({ distillers, teachers, student, logger }: Run): Promise<void> {
  for (const one of [...distillers, ...teachers, student.detector]) {
    try {
      await one.dispose();
    } catch (error) {
      logger.warn(`at the end of the run: ${messageOf(error)}`);
    }
  }
}

async function checkData(train: Dataset, val: Dataset | null, onBadImage: 'error' | 'skip'): Promise<void> {
  await checkUsable(train, 'the training data', onBadImage);
  if (val === null) return;
  await checkUsable(val, 'the validation data', onBadImage);
  const [own, others] = [
    { of: 'the training data', names: namesOf(train) },
    { of: 'the validation data', names: namesOf(val) },
  ];
  const difference = classDifference(own, others);
  if (difference !== null)
    throw new KdError(
      'DATA_INVALID',
      `training (${train.name}) and validation data (${val.name}) differ in their classes: ${difference}. ${sharedClassesAdvice(own, others)}`,
    );
}
