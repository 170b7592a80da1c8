import { join } from 'node:path';
import { type Listener, type Profile, type ProfileSpan, writeFileAtomic } from '@kd/core';

/** What `profileFiles` writes: the figures, and a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open. */
export const PROFILE = { figures: 'profile.json', trace: 'trace.json' } as const;

/** Writes the profile of a training that makes one into the run folder. */
export function profileFiles(): Listener {
  let folder = '';
  return {
    name: 'profile-files',
    on: async (event) => {
      if (event.type === 'start') folder = event.run.folder;
      if (event.type !== 'profile') return;
      const { spans: _, ...figures } = event.profile;
      await writeFileAtomic(join(folder, PROFILE.figures), `${JSON.stringify(figures, null, 2)}\n`);
      await writeFileAtomic(join(folder, PROFILE.trace), traceText(event.profile));
    },
  };
}

/** Parts of a step are in one thread: they follow each other, or lie inside of one another. */
const PLACE = { pid: 1, tid: 1 } as const;
/** That of a lane of ops; places start at 0. */
const laneOf = (lane: number) => ({ pid: 1, tid: 2 + lane });

/** The trace event format of Chrome, an event a line: times in microseconds. */
function traceText({ steps, spans }: Pick<Profile, 'steps' | 'spans'>): string {
  const complete = (name: string, { start, end, lane }: Pick<ProfileSpan, 'start' | 'end' | 'lane'>): object => ({
    name,
    ph: 'X',
    ts: micro(start),
    dur: micro(end) - micro(start),
    ...(lane === undefined ? PLACE : laneOf(lane)),
  });
  const lanes = spans.reduce((most, { lane = -1 }) => Math.max(most, lane + 1), 0);
  const events = [
    { name: 'process_name', ph: 'M', ...PLACE, args: { name: 'kd train' } },
    { name: 'thread_name', ph: 'M', ...PLACE, args: { name: 'training' } },
    ...Array.from({ length: lanes }, (_, lane) => ({
      name: 'thread_name',
      ph: 'M',
      ...laneOf(lane),
      args: { name: `ops of the compiled step, ${lane + 1}` },
    })),
    ...steps.flatMap(({ step, start, end, peakMemory, tensors }) => [
      { ...complete(`step ${step}`, { start, end }), cat: 'step' },
      { name: 'tensors', ph: 'C', ts: micro(end), ...PLACE, args: { live: tensors } },
      ...(peakMemory === null
        ? []
        : [
            {
              name: 'memory',
              ph: 'C',
              ts: micro(end),
              ...PLACE,
              args: { 'peak MiB': Math.round(peakMemory / 2 ** 20) },
            },
          ]),
    ]),
    ...spans.map((span) => ({ ...complete(span.name, span), cat: span.part })),
  ];
  return `{"displayTimeUnit":"ms","traceEvents":[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]}\n`;
}

const micro = (milliseconds: number): number => Math.round(milliseconds * 1000);
