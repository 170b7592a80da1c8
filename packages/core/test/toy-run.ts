import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuEngine, jsonFormat, toyData, toyDetector, toyMetric } from '@kd/testing';
import { latestCheckpoint } from '../src/run/checkpoints.js';
import type { Config } from '../src/config.js';
import type { Summary, TrainerEvent } from '../src/contract/listener.js';
import { silentLogger } from '../src/logger.js';
import { Trainer, type TrainerOptions } from '../src/run/trainer.js';

const folders: string[] = [];

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kd-run-'));
  folders.push(folder);
  return folder;
}

export const removeFolders = (): Promise<unknown> =>
  Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));

/** Eight images in batches of two: four steps an epoch. */
export const toyConfig = (more: Partial<Config> = {}): Config =>
  ({
    engine: cpuEngine(),
    student: toyDetector({ size: 16 }),
    data: {
      train: toyData({ images: 8, size: 16 }),
      val: toyData({ images: 6, seed: 9, size: 16 }),
      workers: 0,
      augment: [{ name: 'flip', probability: 0.5 }],
    },
    epochs: 3,
    batchSize: 2,
    optimizer: { name: 'sgd', lr: 0.02, momentum: 0.9, weightDecay: 1e-3 },
    schedule: { kind: 'cosine', warmup: { steps: 2 } },
    evaluate: { metric: toyMetric() },
    log: { every: 1 },
    ...more,
  }) as Config;

export interface Ran {
  readonly out: string;
  readonly summary: Summary | null;
  readonly events: readonly TrainerEvent[];
}

/** Runs a config; `stopAt` stops it after that many steps. */
export async function run(
  config: Config,
  { stopAt, ...options }: Partial<TrainerOptions> & { stopAt?: number } = {},
): Promise<Ran> {
  const out = options.out ?? (await temporaryFolder());
  const events: TrainerEvent[] = [];
  const stop = new AbortController();
  const watch = {
    name: 'watch',
    on: (event: TrainerEvent) => {
      events.push(event);
      if (event.type === 'step' && event.step === stopAt) stop.abort();
    },
  };
  const trainer = new Trainer(config, {
    format: jsonFormat,
    logger: silentLogger,
    signal: stop.signal,
    ...options,
    out,
    listeners: [watch, ...(options.listeners ?? [])],
  });
  return { out, summary: await trainer.fit(), events };
}

/** Everything of the newest checkpoint but the times and the folder. */
export async function lastState(
  out: string,
): Promise<{ tensors: ReadonlyMap<string, unknown>; position: Record<string, unknown> }> {
  const { tensors, metadata } = await jsonFormat.read((await latestCheckpoint(out, jsonFormat))!);
  const {
    milliseconds: _,
    millisecondsEvaluating: __,
    best,
    ...position
  } = JSON.parse(metadata['training']!) as Record<string, unknown> & { best: Record<string, unknown> | null };
  return { tensors, position: { ...position, best: best === null ? null : { ...best, checkpoint: undefined } } };
}

/** None where the run wrote none: there is no folder of them either. */
export const checkpointNames = async (out: string): Promise<string[]> =>
  existsSync(join(out, 'checkpoints')) ? (await readdir(join(out, 'checkpoints'))).sort() : [];
export const readJson = async (file: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
export const of = <Type extends TrainerEvent['type']>(
  events: readonly TrainerEvent[],
  type: Type,
): Extract<TrainerEvent, { type: Type }>[] =>
  events.filter((event): event is Extract<TrainerEvent, { type: Type }> => event.type === type);
