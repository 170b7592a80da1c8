import type { Detector } from '../contract/detector.js';
import type { EngineInput } from '../contract/engine.js';
import type { Progress } from '../contract/plugin.js';
import type { Distiller } from '../plugins/plugin-host.js';
import type { TrainedVariable } from '../variables.js';

/** A teacher, and the taps that are wanted of it. */
export interface StepTeacher {
  readonly detector: Detector;
  readonly taps: readonly string[];
}

/** The teacher that a distiller learns from. */
export const teacherOf = (
  { teacher, teachers, taps }: Pick<StepModels, 'teacher' | 'teachers' | 'taps'>,
  { teacher: name }: Pick<Distiller, 'teacher'>,
): StepTeacher | null =>
  (name === undefined ? undefined : teachers?.get(name)) ??
  (teacher === null ? null : { detector: teacher, taps: taps.teacher });

/** What a step works with. */
export interface StepModels {
  readonly student: Detector;
  /** Null without one, and where there are several. */
  readonly teacher: Detector | null;
  readonly distillers: readonly Distiller[];
  readonly taps: Readonly<Record<'student' | 'teacher', readonly string[]>>;
  /** Several, by name: each distiller says which it learns from. */
  readonly teachers?: ReadonlyMap<string, StepTeacher>;
  /** What gets gradients: trainable variables of student and plugins. */
  readonly variables: readonly TrainedVariable[];
  /** Of the random numbers. */
  readonly seed: number;
  /**
   * What makes the tensors that the host gives anew at every step, where the step is traced; default: at once, for the
   * progress of the step.
   */
  readonly input?: HostInput;
  /** What runs the teachers' forward passes; default: as they are. */
  readonly aroundTeachers?: InPrecision | undefined;
  /** What the loss is multiplied by while it is differentiated; default: by nothing. */
  readonly lossScale?: { readonly value: number } | undefined;
}

/** Runs a part of a traced step in a precision of its own. */
export type InPrecision = <T>(run: () => T) => T;

/** Where a batch stands: the progress of its step, and its place among the batches that the step accumulates. */
export interface StepProgress extends Progress {
  readonly micro?: number;
}

/**
 * A tensor of a step that the host makes anew at every step, such as random numbers or the factor of a schedule: where
 * the step is compiled, an input of it, whose `make` is called before every run.
 * @param shape the same at every step
 */
export type HostInput = EngineInput<StepProgress>;
