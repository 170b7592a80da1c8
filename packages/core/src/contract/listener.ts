import type { InheritedPart } from '../run/inherit.js';
import type { EngineInfo } from './engine.js';
import type { Evaluation, ImageDetections } from './metric.js';
import type { Profile } from './profile.js';

/** Where a run stands when it starts. */
export interface RunInfo {
  readonly folder: string;
  readonly engine: EngineInfo;
  readonly seed: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  /** Steps done before: more than 0 after a resume. */
  readonly startStep: number;
  /** The evaluation after `startStep` comes again: the process before ended without recording it. */
  readonly evaluatesAgain: boolean;
  readonly batchSize: number;
  readonly images: { readonly train: number; readonly val: number };
  /** Names by label. */
  readonly classes: readonly string[];
  readonly student: ModelInfo;
  /** The only one; null where there is none, or several. */
  readonly teacher: ModelInfo | null;
  /** By name, where the config names them. */
  readonly teachers?: Readonly<Record<string, ModelInfo>>;
  /** What the student started with of its teacher. */
  readonly inherited?: readonly InheritedPart[];
  /** Ids of the distillers, in order. */
  readonly distillers: readonly string[];
  readonly warnings: readonly string[];
}

export interface ModelInfo {
  readonly detector: string;
  readonly parameters: number;
  readonly trainable: number;
  readonly weights: string | null;
}

export interface LogEvent {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  readonly lr: number;
  /** Means over the steps since the last log, as they enter the total. */
  readonly terms: Readonly<Record<string, number>>;
  readonly total: number;
  /** Means of what plugins tell besides, in no total. */
  readonly stats: Readonly<Record<string, number>>;
  readonly imagesPerSecond: number;
  /** Share of the time since the last log that the step stood waiting for data, in [0, 1]. */
  readonly waited: number;
  /** Seconds that compiling steps took since the last log, the first run of each included, where there were any. */
  readonly compiled?: number;
  /** What the loss is multiplied by while it is differentiated, where it is: in float16. */
  readonly lossScale?: number;
  readonly secondsLeft: number;
  /** Resident memory of the process in MiB; in a browser, which tells a page nothing of it, that of the tensors. */
  readonly memory: number;
  /** Live tensors after the step. */
  readonly tensors: number;
}

/** Why a run ended before all its epochs. */
export interface EarlyEnd {
  /** `stop` of the config, or the name of a listener that asked for it. */
  readonly by: 'stop' | `listener ${string}`;
  /** In words. */
  readonly why: string;
}

export interface Summary {
  /** The best checkpoint's metrics on the validation data, e.g. `AP`, `AP50`; the last ones' are under `last`. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly last: Readonly<Record<string, number>>;
  readonly perClass: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly best: { readonly epoch: number; readonly step: number; readonly checkpoint: string } | null;
  readonly seed: number;
  readonly epochs: number;
  /** Steps done: of all epochs, or up to where `early` ended the run. */
  readonly steps: number;
  /** Absent where all epochs were trained. */
  readonly early?: EarlyEnd;
  readonly minutes: number;
  readonly minutesEvaluating: number;
  readonly student: ModelInfo;
  /** See {@link RunInfo}. */
  readonly teacher: ModelInfo | null;
  readonly teachers?: Readonly<Record<string, ModelInfo>>;
  /** What the student started with of its teacher; absent where nothing was asked for. */
  readonly inherited?: readonly InheritedPart[];
  readonly distillers: readonly string[];
  readonly engine: EngineInfo;
  readonly versions: Readonly<Record<string, string>>;
  readonly command: string;
  /** Training images that could not be read. */
  readonly skipped: readonly { readonly file: string; readonly why: string; readonly times: number }[];
  /** What `metrics` stands on. */
  readonly evaluation: Pick<Evaluation, 'images' | 'skipped'>;
}

export type TrainerEvent =
  | { readonly type: 'start'; readonly run: RunInfo }
  | { readonly type: 'step'; readonly step: number; readonly epoch: number }
  | ({ readonly type: 'log' } & LogEvent)
  /** How far the data set pass of a plugin is. */
  | { readonly type: 'pass'; readonly plugin: string; readonly done: number; readonly of: number }
  | { readonly type: 'evaluating'; readonly done: number; readonly of: number }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly epoch: number;
      readonly result: Evaluation;
      /** Of every image that could be read. */
      readonly detections: readonly ImageDetections[];
      readonly seconds: number;
      readonly best: boolean;
    }
  /** Where the time of steps goes, once, of a training that was to tell it. */
  | { readonly type: 'profile'; readonly profile: Profile }
  | { readonly type: 'checkpoint'; readonly step: number; readonly file: string }
  | { readonly type: 'stopped'; readonly step: number; readonly file: string }
  | { readonly type: 'end'; readonly summary: Summary };

/**
 * Something that watches: progress, logs, dashboards. It cannot change training, but end it; when it throws, it is
 * warned of and left out.
 */
export interface Listener {
  readonly name: string;
  /**
   * `'stop'` ends the run after the step, pass or evaluation at hand: with a checkpoint, an evaluation of it where
   * there are validation data, and a summary that says who ended it.
   */
  on(event: TrainerEvent): void | 'stop' | Promise<void | 'stop'>;
}
