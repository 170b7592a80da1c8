import type { DatasetPass } from '../contract/plugin.js';
import { KdError } from '../errors.js';

/** The refresh that a step of the training works with. */
export interface DuePass {
  /** Steps done when it was made: the same as those of the moment when it is due now. */
  readonly step: number;
  /** Names its file: `epoch-2`, or `step-500` where the period is in steps. */
  readonly name: string;
}

/**
 * The last refresh at or before a step.
 * @param step steps done
 * @throws KdError PLUGIN_HOOK for a period that is none
 */
export function duePass(every: DatasetPass['every'], step: number, stepsPerEpoch: number, id: string): DuePass {
  if (typeof every === 'object') {
    if (!Number.isInteger(every.steps) || every.steps < 1) throw invalid(id, `{ steps: ${every.steps} }`);
    const due = step - (step % every.steps);
    return { step: due, name: `step-${due}` };
  }
  if (!(Number.isFinite(every) && every >= 0)) throw invalid(id, String(every));
  if (every === 0) return { step: 0, name: 'epoch-0' };
  // The first step at or after each multiple of the period: with a whole number of epochs, their first steps.
  const firstStep = (refresh: number): number => Math.ceil(Number((refresh * every * stepsPerEpoch).toFixed(6)));
  let refresh = Math.floor(step / (every * stepsPerEpoch));
  while (firstStep(refresh) > step) refresh--;
  while (firstStep(refresh + 1) <= step) refresh++;
  return { step: firstStep(refresh), name: `epoch-${Number((refresh * every).toFixed(6))}` };
}

/**
 * How many refreshes fall into a training.
 * @param steps of the whole training
 * @throws KdError PLUGIN_HOOK for a period that is none
 */
export function passTimes(every: DatasetPass['every'], steps: number, stepsPerEpoch: number, id: string): number {
  duePass(every, 0, stepsPerEpoch, id);
  if (every === 0) return 1;
  const period = typeof every === 'object' ? every.steps : every * stepsPerEpoch;
  // Never more than one before a step.
  return period <= 1 ? steps : Math.floor(Number(((steps - 1) / period).toFixed(6))) + 1;
}

const invalid = (id: string, every: string): KdError =>
  new KdError(
    'PLUGIN_HOOK',
    `${id}.datasetPass: every is ${every}; it must be a number of epochs (0 is once), or { steps } with a whole number of at least 1.`,
  );
