import type { Progress } from '../contract/plugin.js';

/**
 * How the learning rate moves. `by: 'epoch'` changes it between epochs only (torchvision's recipe), `'step'` at every
 * step.
 */
export interface ScheduleOptions {
  readonly kind: 'constant' | 'step' | 'cosine';
  /** `step`: epochs after which the rate is multiplied by `gamma`. */
  readonly milestones?: readonly number[];
  readonly gamma?: number;
  /** `cosine`: the rate at the end, as a fraction of the first. */
  readonly floor?: number;
  readonly by?: 'epoch' | 'step';
  /** Linear from `factor` times the rate over the first `steps` steps, multiplied with the schedule. */
  readonly warmup?: { readonly steps: number; readonly factor?: number };
}

/** A cosine falls at every step, milestones are between epochs. */
export const usualPeriod = (kind: ScheduleOptions['kind']): 'epoch' | 'step' => (kind === 'cosine' ? 'step' : 'epoch');

/** The factor of the learning rate at a step, in [0, 1]. Pure. */
export function learningRateFactor(
  options: ScheduleOptions,
  progress: Pick<Progress, 'step' | 'steps' | 'epoch' | 'epochs'>,
): number {
  return scheduled(options, progress) * warmup(options, progress.step);
}

function warmup({ warmup: options }: ScheduleOptions, step: number): number {
  if (options === undefined || step >= options.steps) return 1;
  const factor = options.factor ?? 0.001;
  return factor + ((1 - factor) * step) / options.steps;
}

function scheduled(
  options: ScheduleOptions,
  { step, steps, epoch, epochs }: Pick<Progress, 'step' | 'steps' | 'epoch' | 'epochs'>,
): number {
  const { kind, milestones = [], gamma = 0.1, floor = 0 } = options;
  if (kind === 'constant') return 1;
  const by = options.by ?? usualPeriod(kind);
  const epochsDone = by === 'epoch' ? epoch : (step / Math.max(1, steps)) * epochs;
  if (kind === 'step') return gamma ** milestones.filter((milestone) => epochsDone >= milestone).length;
  return floor + ((1 - floor) * (1 + Math.cos((Math.PI * epochsDone) / Math.max(1, epochs)))) / 2;
}
