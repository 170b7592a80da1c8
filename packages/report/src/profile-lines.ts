import type { Profile } from '@kd/core';
import { columns } from './evaluation-lines.js';
import { percent } from './figures.js';

/** Where the time of a step goes, as a table. */
export function profileLines({ steps, warmUp, milliseconds, peakMemory, parts, spans }: Profile): string[] {
  const [first, last] = [steps[warmUp]!.step, steps.at(-1)!.step];
  const of = first === last ? `step ${first}` : `steps ${first} to ${last}`;
  return [
    `${of}: ${shown(milliseconds)} ms each${peakMemory === null ? '' : `, at most ${Math.round(peakMemory / 2 ** 20)} MiB resident`}`,
    ...columns([
      ['part', 'ms', 'share'],
      ...parts.map((one) => [one.part, shown(one.milliseconds), percent(one.share)]),
    ]).map((line) => `  ${line}`),
    ...(parts.some(({ part }) => part === 'compiled step')
      ? [
          spans.some(({ lane }) => lane !== undefined)
            ? '  Ops of the compiled step that run side by side share the time; its own row is that in which none runs.'
            : '  A compiled step runs as one here: --set compile=false tells its parts, as they are without it.',
        ]
      : []),
  ];
}

const shown = (milliseconds: number): string =>
  milliseconds < 100 ? milliseconds.toFixed(1) : milliseconds.toFixed(0);
