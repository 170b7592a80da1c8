import * as tf from '@tensorflow/tfjs-core';
import type { Profile, ProfiledPart, ProfiledStep, ProfileSpan } from '../contract/profile.js';
import type { CallWatcher, DeviceClock, RanOp } from '../contract/engine.js';
import { watchParts } from './part.js';
import { forgetPeak, peakSinceForgotten } from '#host/memory';

/** What no part covers. */
const REST = 'the rest';

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
  /** Of compiled functions that are called in a part. */
  readonly calls?: CallWatcher;
  /**
   * The profile, once, when all steps are there or `last` says that there are no more; null before and after. Waits for
   * a device that is timed.
   */
  take(last: boolean): Promise<Profile | null>;
}

const NONE: Profiler = {
  during: (run) => run(),
  waiting: (values) => values,
  waitFor: (_part, run) => run(),
  endOfStep: () => {},
  take: async () => null,
};

/** `within`: the part whose time it takes, of an op. */
type Own = ProfileSpan & { readonly step: number; readonly own: number; readonly within?: string };

/** Of a compiled function, within a part. */
interface TimedCall {
  readonly part: string;
  readonly step: number;
  readonly read: () => readonly RanOp[];
}

/**
 * @param count steps to profile; without it nothing is profiled
 * @param timeDevice of an engine on a graphics card
 */
export function createProfiler(count: number | undefined, timeDevice?: () => DeviceClock | null): Profiler {
  if (count === undefined) return NONE;
  const began = performance.now();
  const now = (): number => performance.now() - began;
  const steps: ProfiledStep[] = [];
  const spans: Own[] = [];
  const timed: TimedCall[] = [];
  /** By step, what the device took by part. */
  const onDevice: Promise<ReadonlyMap<string, number>>[] = [];
  let clock: DeviceClock | null = null;
  const open: { part: string; name: string; start: number; inside: number }[] = [];
  let start: number | null = null;
  let told = false;
  let forgotten = false;
  let enter: ((part: string) => void) | null = null;

  const begin = (part: string, name: string): void => {
    if (start === null) {
      forgotten = forgetPeak();
      start = now();
      clock = timeDevice?.() ?? null;
    }
    open.push({ part, name, start: now(), inside: 0 });
    clock?.enter(part);
    enter?.(part);
  };
  const end = (): void => {
    const { inside, ...span } = open.pop()!;
    const at = now();
    const took = at - span.start;
    const around = open.at(-1);
    if (around !== undefined) around.inside += took;
    spans.push({ ...span, end: at, own: took - inside, step: steps.length });
    clock?.enter(around?.part ?? REST);
    enter?.(around?.part ?? '');
  };
  const calls: CallWatcher = {
    timed: () => !done(),
    follow(to) {
      (enter = to)(open.at(-1)?.part ?? '');
      return () => void (enter = null);
    },
    ran: (read) => void timed.push({ part: open.at(-1)!.part, step: steps.length, read }),
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
    calls,
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
      if (clock === null) return;
      const times = clock.stop();
      // Of a device that fails the step says it; whoever takes the profile hears it, too.
      times.catch(() => {});
      onDevice.push(times);
      clock = null;
    },
    async take(last) {
      if (told || steps.length === 0 || (!last && steps.length < count)) return null;
      told = true;
      const profile = profileOf(steps, [...spans, ...timed.flatMap((call) => opsOf(call, began))]);
      return timeDevice === undefined ? profile : withDevice(profile, await Promise.all(onDevice));
    },
  };
}

/** The ops of a call, whose time is no longer that of the part around it. */
const opsOf = ({ part, step, read }: TimedCall, began: number): Own[] =>
  sharing(read()).map(({ op, share, lane }) => ({
    ...{ part: op.part || part, name: op.op, start: op.start - began, end: op.end - began, lane },
    ...{ own: share, within: part, step },
  }));

/**
 * What each op took of the time that passed, which those that run at a moment share alike, and the first lane in which
 * no other runs meanwhile.
 */
function sharing(ops: readonly RanOp[]): { readonly op: RanOp; readonly share: number; readonly lane: number }[] {
  const ordered = ops.filter(({ start, end }) => end > start).toSorted((a, b) => a.start - b.start);
  const edges = ordered
    .flatMap(({ start, end }) => [
      { at: start, more: 1 },
      { at: end, more: -1 },
    ])
    .toSorted((a, b) => a.at - b.at);
  /** At each edge, the time of one op that ran from the beginning, at the share of one. */
  const shares = new Map<number, number>();
  let [share, running, before] = [0, 0, 0];
  for (const { at, more } of edges) {
    if (running > 0) share += (at - before) / running;
    shares.set(at, share);
    running += more;
    before = at;
  }
  const lanes: number[] = [];
  return ordered.map((op) => {
    const free = lanes.findIndex((end) => end <= op.start);
    const lane = free < 0 ? lanes.length : free;
    lanes[lane] = op.end;
    return { op, share: shares.get(op.end)! - shares.get(op.start)!, lane };
  });
}

function profileOf(steps: readonly ProfiledStep[], spans: readonly Own[]): Profile {
  const warmUp = Math.min(WARM_UP, steps.length - 1);
  const counted = steps.slice(warmUp);
  const milliseconds = counted.reduce((sum, { start, end }) => sum + end - start, 0) / counted.length;
  const sums = new Map<string, number>();
  const add = (part: string, own: number): void => void sums.set(part, (sums.get(part) ?? 0) + own / counted.length);
  for (const { step, part, own, within } of spans) {
    if (step < warmUp || step >= steps.length) continue;
    add(part, own);
    if (within !== undefined) add(within, -own);
  }
  sums.set(REST, milliseconds - [...sums.values()].reduce((sum, ms) => sum + ms, 0));
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
    spans: spans.filter(({ step }) => step < steps.length).map(({ own: _, step: __, within: ___, ...span }) => span),
  };
}

/** @param times by step, what the device took by part; none where it has no clock */
function withDevice(profile: Profile, times: readonly ReadonlyMap<string, number>[]): Profile {
  const counted = times.slice(profile.warmUp);
  if (counted.length === 0) return { ...profile, deviceMilliseconds: null };
  const mean = (of: (step: ReadonlyMap<string, number>) => number): number =>
    counted.reduce((sum, step) => sum + of(step), 0) / counted.length;
  return {
    ...profile,
    deviceMilliseconds: mean((step) => [...step.values()].reduce((a, b) => a + b, 0)),
    parts: profile.parts.map((one) => ({ ...one, deviceMilliseconds: mean((step) => step.get(one.part) ?? 0) })),
  };
}
