import { exists, removeEmptyFolder } from '#host/files';
import { resolve } from '#host/paths';
import type { Listener, Summary, TrainerEvent } from '../contract/listener.js';
import { latestCheckpoint } from './checkpoints.js';
import { type Config, parseConfig, type ResolvedConfig } from '../config.js';
import { KdError, messageOf } from '../errors.js';
import { checkMembers, MEMBERS } from '../members.js';
import { consoleLogger, type Logger } from '../logger.js';
import { disposeRun, prepareRun, type RunOptions } from './run.js';
import { shown } from '../shown.js';
import { removeLeftovers } from '#host/atomic';
import { openRunFolder, type RunFolder } from './run-folder.js';
import { lockRunFolder } from '#host/run-lock';
import { TrainingLoop } from './training-loop.js';

export interface TrainerOptions extends RunOptions {
  /** The run folder. */
  readonly out: string;
  readonly listeners?: readonly Listener[];
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

  /** @throws KdError CONFIG_INVALID; PLUGIN_INVALID for a format or a listener that is none */
  constructor(config: Config, options: TrainerOptions) {
    this.#config = parseConfig(config, 'the config');
    checkMembers(options, { out: 'text', format: 'object', listeners: 'list?' }, 'the options of the Trainer');
    checkMembers(options.format, MEMBERS.format, 'format, in the options of the Trainer,');
    for (const listener of options.listeners ?? [])
      checkMembers(listener, MEMBERS.listener, 'a listener of the Trainer');
    this.#options = options;
  }

  /**
   * Trains to the end, or until the signal stops it. Leaves checkpoints, metrics.jsonl and summary.json in the run
   * folder.
   * @returns what summary.json holds; null when the signal stopped it
   * @throws KdError RUN_FOLDER for a folder that holds another run, or that another training writes to; whatever data,
   *   detectors and plugins throw
   */
  async fit(): Promise<Summary | null> {
    const out = resolve(this.#options.out);
    if (writtenTo.has(out))
      throw new KdError('RUN_FOLDER', `another training of this process writes to ${out}; name another folder.`);
    writtenTo.add(out);
    const isNew = !exists(out);
    let unlock = (): void => {};
    try {
      const run = await prepareRun(this.#config, this.#options, async () => {
        // No folder is made for a resume that is refused; all else is asked when no other training can write to it.
        if (this.#options.resume === true) await checkFolder(out, this.#options);
        const folder = await openRunFolder(out);
        const logger = this.#options.logger ?? consoleLogger;
        unlock = await lockRunFolder(out, logger);
        await checkFolder(out, this.#options);
        await clean(folder, logger);
        return folder;
      });
      try {
        return await new TrainingLoop(run, emitter(this.#options.listeners ?? [], run.logger)).run();
      } finally {
        await disposeRun(run);
      }
    } finally {
      unlock();
      writtenTo.delete(out);
      // Of a training that failed before it wrote anything no folder is left.
      if (isNew) await removeEmptyFolder(out);
    }
  }
}

/** Folders of the trainings that are on their way. A new one has no checkpoint yet by which another would know it. */
const writtenTo = new Set<string>();

/** A fresh run wants a folder without checkpoints, a resumed one wants a folder with some. */
async function checkFolder(path: string, options: TrainerOptions): Promise<void> {
  const latest = await latestCheckpoint(path, options.format);
  if (options.resume === true && latest === null)
    throw new KdError('RUN_FOLDER', `${path} has no checkpoint to resume from; start without --resume.`);
  if (options.resume !== true && latest !== null)
    throw new KdError(
      'RUN_FOLDER',
      `${path} already holds a run; go on with --resume, or name another folder with --out.`,
    );
}

async function clean({ path }: RunFolder, logger: Logger): Promise<void> {
  const left = await removeLeftovers(path);
  if (left.length > 0)
    logger.warn(
      `${path}: ${left.length} temporary file(s) of writes that were killed are removed: ${left.join(', ')}.`,
    );
}

/**
 * Hands events to the listeners in order; one that throws is warned of and left out from then on.
 * @returns the name of the first that wants the run to end
 */
function emitter(listeners: readonly Listener[], logger: Logger): (event: TrainerEvent) => Promise<string | null> {
  const active = new Set(listeners);
  return async (event) => {
    let stops: string | null = null;
    // A copy: a listener cannot reach what training works with.
    const copy = structuredClone(event);
    for (const listener of active) {
      try {
        const answer: unknown = await listener.on(copy);
        if (answer === 'stop') stops ??= listener.name;
        else if (typeof answer === 'string')
          throw new TypeError(`it returned ${shown(answer)}; to end the run it returns 'stop', else nothing`);
      } catch (error) {
        active.delete(listener);
        logger.warn(`listener "${listener.name}" failed and is left out from here: ${messageOf(error)}`);
      }
    }
    return stops;
  };
}
