import type { CheckpointFormat } from '../contract/checkpoint.js';
import type { Dataset, LoaderOptions } from '../contract/data.js';
import type { Detector } from '../contract/detector.js';
import type { TrainerEvent } from '../contract/listener.js';
import type { Logger } from '../logger.js';
import type { LeakWatch } from '../plugins/leak-watch.js';
import type { Rng } from '../rng.js';
import type { PassForward } from './pass-forward.js';
import type { RunFolder } from '../run/run-folder.js';

/** What passes work with. */
export interface PassContext {
  readonly student: Detector;
  readonly teacher: Detector;
  /** Taps that the distillers read of it: a teacher that is run before anybody asks gives no others. */
  readonly teacherTaps?: readonly string[];
  readonly dataset: Dataset;
  readonly loader: Pick<LoaderOptions, 'batchSize' | 'workers' | 'onBadImage' | 'buckets'>;
  readonly folder: RunFolder;
  readonly format: CheckpointFormat;
  /** How each of the models runs; default: op by op. */
  readonly forwards?: (detector: Detector) => PassForward;
  /** The run's stream; each plugin gets one of its own. */
  readonly rng: Rng;
  readonly logger: Logger;
  /** What a result depends on besides plugin, models and data: the seed. */
  readonly run: Readonly<Record<string, unknown>>;
  readonly emit?: (event: TrainerEvent) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  /** Called when a plugin takes a result: tensors that a compiled step reads may be others then. */
  readonly onResult?: () => void;
  /** Told of what passes leave on the device. */
  readonly leaks?: LeakWatch;
}

/** Where the training stands. */
export interface PassMoment {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  readonly stepsPerEpoch: number;
  /** True at the first step after a resume: results of before are read again. */
  readonly resumed: boolean;
}
