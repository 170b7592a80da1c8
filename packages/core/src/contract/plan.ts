import type { TeacherInput } from './data.js';
import type { TapInfo } from './detector.js';
import type { EngineInfo, LowPrecision, PrecisionGain } from './engine.js';
import type { DatasetPass, Role } from './plugin.js';
import type { ResolvedConfig } from '../config.js';

/**
 * What a config stands for, as plain data: what would be trained, on what, and, where steps were run, what they came
 * to.
 */
export interface Plan {
  readonly engine: EngineInfo;
  readonly seed: number;
  readonly student: PlannedDetector;
  /** The only one; null where there is none, or the config gives names. */
  readonly teacher: PlannedDetector | null;
  readonly teachers?: Readonly<Record<string, PlannedDetector>>;
  readonly data: {
    readonly train: PlannedData;
    readonly val: PlannedData | null;
    readonly classes: readonly string[];
    readonly augment: readonly string[];
    readonly workers: number;
  };
  readonly distillers: readonly PlannedDistiller[];
  readonly training: {
    readonly epochs: number;
    readonly stepsPerEpoch: number;
    readonly steps: number;
    readonly batchSize: number;
    readonly accumulate: number;
    /** [height, width] that batches are padded to, with `data.buckets`. */
    readonly paddedSizes?: readonly (readonly [number, number])[];
    /** Scalars that the optimiser moves, of the student and of the distillers. */
    readonly trained: number;
    readonly optimizer: ResolvedConfig['optimizer'];
    readonly clipNorm: number | null;
    readonly ema: ResolvedConfig['ema'];
    readonly schedule: ResolvedConfig['schedule'];
    readonly learningRate: Course;
    readonly evaluate: {
      readonly every: number;
      readonly metric: string;
      /** Null for a metric of the config's own. */
      readonly options: Readonly<Record<string, unknown>> | null;
    };
    /** Left out where all is computed in float32. */
    readonly precision?: {
      readonly floats: LowPrecision;
      readonly of: 'step' | 'teachers';
      /** Null where the engine does not measure. */
      readonly gain: PrecisionGain | null;
    };
    /** Ends the run before its epochs; `earliest` is the epoch, from 1, after which it can: null for none. */
    readonly stop?: { readonly metric: string; readonly patience: number; readonly earliest: number | null };
  };
  /** Null where no step was run. */
  readonly measured: Measured | null;
}

/** A package that a name stands for; null where the config brought the code itself. */
export type PlannedPackage = { readonly name: string; readonly version: string } | null;

export interface PlannedDetector {
  readonly name: string;
  readonly package: PlannedPackage;
  readonly options: unknown;
  readonly parameters: number;
  readonly trainable: number;
  /** The file of its weights, or null: its own initial ones. */
  readonly weights: string | null;
  readonly input: TeacherInput;
  /** A teacher that reads images of its own: it runs before each step, its maps are brought to the student's cells. */
  readonly ahead?: true;
  /** A teacher that no plugin reads: it does not run. */
  readonly unread?: true;
  /** What is kept of it in the run folder when all pictures have been seen. */
  readonly cache?: { readonly files: number; readonly bytes: number };
  readonly capabilities: readonly string[];
  /** Taps of the neck, finest first; of a teacher of another family all. */
  readonly levels: readonly TapInfo[];
}

export interface PlannedData {
  readonly name: string;
  readonly images: number;
  /** Annotations that are not to be ignored. */
  readonly objects: number;
}

export interface PlannedTap extends TapInfo {
  /** [b, h, w, c] in the first batch; null where no step was run */
  readonly shape: readonly number[] | null;
}

export interface PlannedDistiller {
  readonly id: string;
  readonly name: string;
  readonly package: PlannedPackage;
  /** The preset that brought it. */
  readonly preset: string | null;
  readonly options: unknown;
  /** Capabilities that it needs of the models. */
  readonly requires: Readonly<Record<Role, readonly string[]>>;
  /** What it reads. */
  readonly taps: Readonly<Record<Role, readonly PlannedTap[]>>;
  /** Levels that it compares, by the names of their taps. */
  readonly pairs: readonly {
    readonly stride: number;
    readonly student: string;
    readonly teacher: string;
    /** The teacher's own map, where it is resampled to the stride. */
    readonly resampled?: { readonly name: string; readonly stride: number };
  }[];
  /** Its teacher, where the config gives them names. */
  readonly teacher?: string;
  /** What it adds to the models: its own variables. */
  readonly variables: readonly {
    readonly path: string;
    readonly shape: readonly number[];
    readonly trainable: boolean;
    /** Where an optimiser of the distiller's own moves it. */
    readonly optimizer?: { readonly name: string; readonly lr: number };
  }[];
  readonly pass: PlannedPass | null;
  /** The factor of its terms. */
  readonly factor: Course;
}

export interface PlannedPass {
  readonly every: DatasetPass['every'];
  /** How often it runs in the whole training. */
  readonly times: number;
  /** Of how many images it was run over for the plan, and how long that took; null where no step was run. */
  readonly measured: { readonly images: number; readonly seconds: number } | null;
}

/**
 * A value over the steps of a run, counted from 1: where its line bends; of a curve five places, its highest, and where
 * it leaves zero and comes back. The first and the last step are always there.
 */
export type Course = readonly { readonly step: number; readonly value: number }[];

export interface MeasuredStep {
  /** Seconds, waiting for data included. The first step starts threads and fills caches. */
  readonly seconds: number;
  /** Share of them that was spent waiting for data, in [0, 1]. */
  readonly waited: number;
  /** Of the last batch, [b, h, w, 3] */
  readonly batch: readonly number[];
  /** As they enter the total, the student's own first, then `<distiller id>.<name>`. */
  readonly terms: Readonly<Record<string, number>>;
  readonly total: number;
  readonly stats: Readonly<Record<string, number>>;
  readonly lr: number;
  /** Live tensors and their bytes after the step. */
  readonly tensors: number;
  readonly bytes: number;
}

export interface Measured {
  readonly steps: readonly MeasuredStep[];
  /**
   * What it took to compile steps, the first runs included, and for how many sizes of batches; null where they ran op
   * by op.
   */
  readonly compiled: { readonly seconds: number; readonly sizes: number } | null;
  /** Largest resident memory of the process so far, in bytes; memory of a GPU is no part of it. */
  readonly peakMemory: number;
  /** Seconds of the whole run, were every step like the last one here; evaluations and passes come on top. */
  readonly estimate: number;
}
