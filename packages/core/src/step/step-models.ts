import type { Detector } from '../contract/detector.js';
import type { Progress } from '../contract/plugin.js';
import type { Distiller } from '../plugins/plugin-host.js';
import type { Rng } from '../rng.js';
import type { TrainedVariable } from '../variables.js';

/** What a step works with. */
export interface StepModels {
  readonly student: Detector;
  readonly teacher: Detector | null;
  readonly distillers: readonly Distiller[];
  readonly taps: Readonly<Record<'student' | 'teacher', readonly string[]>>;
  /** What gets gradients: trainable variables of student and plugins. */
  readonly variables: readonly TrainedVariable[];
  readonly rng: Rng;
}

/** Where a batch stands: the progress of its step, and its place among the batches that the step accumulates. */
export interface StepProgress extends Progress {
  readonly micro?: number;
}
