import type { Course } from '../contract/plan.js';
import type { Progress } from '../contract/plugin.js';

/** Beyond so many steps only some are looked at. */
const MOST = 50_000;
/** More bends than this are a curve. */
const BENDS = 8;

/** How a value that depends on the progress alone moves over a run. */
export function courseOf(
  at: (progress: Progress) => number,
  { steps, stepsPerEpoch, epochs }: { readonly steps: number; readonly stepsPerEpoch: number; readonly epochs: number },
): Course {
  const stride = Math.ceil(steps / MOST);
  const places = Array.from({ length: Math.ceil((steps - 1) / stride) + 1 }, (_, i) => Math.min(i * stride, steps - 1));
  const values = places.map((step) =>
    at({ step, steps, epoch: Math.floor(step / stepsPerEpoch), epochs, fraction: step / steps }),
  );
  const last = places.length - 1;
  const size = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const bends = places.flatMap((_, i) =>
    i === 0 || i === last || Math.abs(slope(i) - slope(i - 1)) * steps > 1e-6 * size ? [i] : [],
  );
  return (bends.length <= BENDS ? bends : marks()).map((i) => ({ step: places[i]! + 1, value: values[i]! }));

  /** Five places, the highest, and where it leaves zero and comes back to it. */
  function marks(): number[] {
    const highest = values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
    const [first, end] = [values.findIndex((value) => value !== 0), values.findLastIndex((value) => value !== 0)];
    const quarters = [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * last));
    return [...new Set([highest, first - 1, first, end, end + 1, ...quarters])]
      .filter((i) => i >= 0 && i <= last)
      .sort((a, b) => a - b);
  }

  function slope(i: number): number {
    return (values[i + 1]! - values[i]!) / (places[i + 1]! - places[i]!);
  }
}
