import * as tf from '@tensorflow/tfjs-core';
import type { Profile, ProfiledPart, ProfiledStep, ProfileSpan } from '../contract/profile.js';
import { watchParts } from './part.js';
import { forgetPeak, peakSinceForgotten } from './peak-memory.js';

/** What the first step makes (variables of the optimiser, caches of a size, a trace) the second one may make again. */
const WARM_UP = 2;

/** Times the parts of training steps. */
export interface Profiler {
  /** Runs what a step does at once, and times its parts. */
  during<T>(run: () => T): T;
  /** The same values; the time until each comes is a part. */
  waiting<T>(values: AsyncIterable<T>): AsyncIterable<T>;
  /** A part that has to be waited for. */
  waitFor<T>(part: string, run: () => Promise<T>): Promise<T>;
  endOfStep(step: number): void;
  /** The profile, once, when all steps are there or `last` says that there are no more; null before and after. */
  take(last: boolean): Profile | null;
}

const NONE: Profiler = {
  during: (run) => run(),
  waiting: (values) => values,
  waitFor: (_part, run) => run(),
  endOfStep: () => {},
  take: () => null,
};

type Own = ProfileSpan & { readonly step: number; readonly own: number };

/** @param count steps to profile; without it nothing is profiled */
export function createProfiler(count: number | undefined): Profiler {
  if (count === undefined) return NONE;
  const began = performance.now();
  const now = (): number => performance.now() - began;
  const steps: ProfiledStep[] = [];
  const spans: Own[] = [];
  const open: { part: string; name: string; start: number; inside: number }[] = [];
  let start: number | null = null;
  let told = false;
  let forgotten = false;

  const begin = (part: string, name: string): void => {
    if (start === null) {
      forgotten = forgetPeak();
      start = now();
    }
    open.push({ part, name, start: now(), inside: 0 });
  };
  const end = (): void => {
    const { inside, ...span } = open.pop()!;
    const at = now();
    const took = at - span.start;
    const around = open.at(-1);
    if (around !== undefined) around.inside += took;
    spans.push({ ...span, end: at, own: took - inside, step: steps.length });
  };
  const done = (): boolean => told || steps.length >= count;
  const waitFor = async <T>(part: string, run: () => Promise<T>): Promise<T> => {
    if (done()) return run();
    begin(part, part);
    try {
      return await run();
    } finally {
      end();
    }
  };
  return {
    during: (run) => (done() ? run() : watchParts({ begin, end }, run)),
    waitFor,
    async *waiting(values) {
      const iterator = values[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await waitFor('waiting for data', () => iterator.next());
          if (next.done === true) return;
          yield next.value;
        }
      } finally {
        await iterator.return?.();
      }
    },
    endOfStep(step) {
      if (done() || start === null) return;
      const peakMemory = forgotten ? peakSinceForgotten() : null;
      steps.push({ step, start, end: now(), peakMemory, tensors: tf.memory().numTensors });
      start = null;
    },
    take(last) {
      if (told || steps.length === 0 || (!last && steps.length < count)) return null;
      told = true;
      return profileOf(steps, spans);
    },
  };
}

function profileOf(steps: readonly ProfiledStep[], spans: readonly Own[]): Profile {
  const warmUp = Math.min(WARM_UP, steps.length - 1);
  const counted = steps.slice(warmUp);
  const milliseconds = counted.reduce((sum, { start, end }) => sum + end - start, 0) / counted.length;
  const sums = new Map<string, number>();
  for (const { step, part, own } of spans)
    if (step >= warmUp && step < steps.length) sums.set(part, (sums.get(part) ?? 0) + own / counted.length);
  sums.set('the rest', milliseconds - [...sums.values()].reduce((sum, ms) => sum + ms, 0));
  const parts: ProfiledPart[] = [...sums]
    .map(([part, ms]) => ({ part, milliseconds: ms, share: ms / milliseconds }))
    .toSorted((a, b) => b.milliseconds - a.milliseconds);
  const peaks = counted.flatMap(({ peakMemory }) => peakMemory ?? []);
  return {
    steps,
    warmUp,
    milliseconds,
    peakMemory: peaks.length === 0 ? null : Math.max(...peaks),
    parts,
    spans: spans
      .filter(({ step }) => step < steps.length)
      .map(({ part, name, start, end }) => ({ part, name, start, end })),
  };
}
