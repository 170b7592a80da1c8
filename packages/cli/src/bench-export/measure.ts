import type { HostImage } from '@kd/data';
import type { Runner } from './runner.js';

/** Times of one runner, an image each. */
export interface Times {
  readonly name: string;
  /** In milliseconds: the middle one, and what 95 of 100 images stay below. */
  readonly median: number;
  readonly p95: number;
  readonly imagesPerSecond: number;
}

/**
 * Every runner on every image, one after the other and image by image, so that all of them meet the same weather. Each
 * runs once on the first image before the clock starts.
 */
export async function measure(
  runners: readonly Runner[],
  images: AsyncIterable<HostImage>,
  onImage: (done: number) => void = () => {},
): Promise<Times[]> {
  const taken = runners.map((): number[] => []);
  let done = 0;
  for await (const image of images) {
    if (done === 0) for (const runner of runners) await runner.detect(image);
    for (const [i, runner] of runners.entries()) {
      const start = performance.now();
      await runner.detect(image);
      taken[i]!.push(performance.now() - start);
    }
    onImage(++done);
  }
  return runners.map(({ name }, i) => ({ name, ...timesOf(taken[i]!) }));
}

/** @param taken in milliseconds, at least one */
export function timesOf(taken: readonly number[]): Omit<Times, 'name'> {
  const sorted = taken.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return {
    median: (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2,
    p95: sorted[Math.ceil(0.95 * sorted.length) - 1]!,
    imagesPerSecond: (1000 * taken.length) / taken.reduce((sum, one) => sum + one, 0),
  };
}
