import type { Progress } from '../contract/plugin.js';
import type { Distiller } from '../plugins/plugin-host.js';

/** Distillers whose terms count in no step of a run. What a schedule throws is told by the step that asks it. */
export function idleDistillers(
  distillers: readonly Distiller[],
  { steps, stepsPerEpoch, epochs }: { readonly steps: number; readonly stepsPerEpoch: number; readonly epochs: number },
): Distiller[] {
  const at = (step: number): Progress => ({
    step,
    steps,
    epoch: Math.floor(step / stepsPerEpoch),
    epochs,
    fraction: step / steps,
  });
  return distillers.filter(({ factor }) => {
    try {
      for (let step = 0; step < steps; step++) if (factor(at(step)) !== 0) return false;
      return true;
    } catch {
      return false;
    }
  });
}
