import type { Profile } from '@kd/core';
import { columns } from './evaluation-lines.js';
import { percent } from './figures.js';

/** Where the time of a step goes, as a table. */
export function profileLines(profile: Profile): string[] {
  const { steps, warmUp, milliseconds, deviceMilliseconds: onDevice, peakMemory, parts, spans } = profile;
  const [first, last] = [steps[warmUp]!.step, steps.at(-1)!.step];
  const timed = typeof onDevice === 'number';
  const of = first === last ? `step ${first}` : `steps ${first} to ${last}`;
  return [
    `${of}: ${shown(milliseconds)} ms each${peakMemory === null ? '' : `, at most ${Math.round(peakMemory / 2 ** 20)} MiB resident`}`,
    ...columns([
      ['part', 'ms', 'share', ...(timed ? ['on the device, ms'] : [])],
      ...parts.map(({ part, milliseconds, share, deviceMilliseconds = 0 }) => [
        ...[part, shown(milliseconds), percent(share)],
        ...(timed ? [shown(deviceMilliseconds)] : []),
      ]),
    ]).map((line) => `  ${line}`),
    ...(parts.some(({ part }) => part === 'compiled step')
      ? [
          spans.some(({ lane }) => lane !== undefined)
            ? '  Ops of the compiled step that run side by side share the time; its own row is that in which none runs.'
            : '  A compiled step runs as one here: --set compile=false tells its parts, as they are without it.',
        ]
      : []),
    ...(timed
      ? [
          `  The device computes for ${shown(onDevice)} ms of a step, copies left out, some time after the host has asked for it; the other times are the host's.`,
        ]
      : []),
    ...(onDevice === null
      ? [
          "  The device has no clock that the engine reads: these are the host's times, and it waits for the device in any part.",
        ]
      : []),
  ];
}

const shown = (milliseconds: number): string =>
  milliseconds < 100 ? milliseconds.toFixed(1) : milliseconds.toFixed(0);
