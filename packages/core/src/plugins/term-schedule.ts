import * as v from 'valibot';
import type { Progress } from '../contract/plugin.js';

const steps = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e9));

/** When and how strongly a plugin's terms count, for its options: `schedule: termSchedule`. */
export const termSchedule = v.optional(
  v.pipe(
    v.strictObject({
      /** The first step that counts. */
      start: v.optional(steps, 0),
      /** The first step that counts no more. */
      stop: v.optional(steps),
      /** Steps from `start` on over which the terms rise linearly to their full weight. */
      warmup: v.optional(steps, 0),
      /** `linear`: 1 - step / steps. `epoch`: 1 - epoch / epochs, the same for a whole epoch. */
      decay: v.optional(v.picklist(['none', 'linear', 'epoch']), 'none'),
    }),
    v.check(
      ({ start, stop }) => stop === undefined || stop > start,
      'stop must be behind start, else no step counts; leave the plugin out instead',
    ),
  ),
  {},
);

export type TermScheduleInput = v.InferInput<typeof termSchedule>;
export type TermSchedule = v.InferOutput<typeof termSchedule>;

/** The factor of the terms at a step, in [0, 1]. Pure: what the hook `schedule` returns. */
export function termFactor(
  { start, stop, warmup, decay }: TermSchedule,
  { step, steps: total, epoch, epochs }: Progress,
): number {
  if (step < start || (stop !== undefined && step >= stop)) return 0;
  const risen = Math.min(1, (step - start + 1) / Math.max(1, warmup));
  return (
    risen *
    (decay === 'linear' ? 1 - step / Math.max(1, total) : decay === 'epoch' ? 1 - epoch / Math.max(1, epochs) : 1)
  );
}
