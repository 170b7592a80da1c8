import { averagePrecision, count, duration, median } from '../figures.js';
import { type Html, html, table } from './html.js';
import type { RunRecord } from './run-record.js';

/** Who learned what from whom, and what came out: figures for one run, a table for several. */
export function overview(runs: readonly RunRecord[]): Html {
  const [run] = runs;
  return html`${runs.flatMap((one) => notes(one, runs.length > 1))}${runs.length === 1 ? single(run!) : several(runs)}`;
}

/** The newest figures; the best ones are told beside them. */
const newest = ({ evaluations }: RunRecord) => evaluations.at(-1);

function notes({ name, summary, logs, evaluations, damaged, config }: RunRecord, named: boolean): Html[] {
  const of = named ? `${name}: ` : '';
  const asked = typeof (config['data'] as { val?: unknown } | undefined)?.val === 'object';
  return [
    ...(summary === null
      ? [
          `${of}this run has not come to its end; ${logs.length === 0 ? 'it logged no step' : `its last line of the log is of step ${logs.at(-1)!.step}`}.`,
        ]
      : []),
    ...(evaluations.length === 0
      ? [
          `${of}it was never evaluated${asked ? '' : ': its config names no validation data'}, so that there is no average precision.`,
        ]
      : []),
    ...(damaged > 0
      ? [`${of}${damaged} ${damaged === 1 ? 'line' : 'lines'} of metrics.jsonl could not be read and are left out.`]
      : []),
  ].map((text) => html`<p class="note">${text}</p>`);
}

function single(run: RunRecord): Html {
  const { summary, logs } = run;
  const metrics = newest(run)?.metrics ?? {};
  const tiles: [string, string, string?][] = [
    ...Object.entries(metrics)
      .slice(0, 3)
      .map(([name, value]): [string, string, string?] => {
        const best = summary?.metrics[name];
        return [
          name,
          figure(value),
          best !== undefined && figure(best) !== figure(value) ? `best ${figure(best)}` : undefined,
        ];
      }),
    ...(summary === null
      ? []
      : ([
          [
            'parameters',
            count(summary.student.parameters),
            summary.teacher === null ? undefined : `teacher ${count(summary.teacher.parameters)}`,
          ],
          ['steps', String(summary.steps), `${summary.epochs} epochs`],
          ['time', duration(60 * summary.minutes)],
        ] as [string, string, string?][])),
    ...(logs.length === 0
      ? []
      : ([['images a second', median(logs.map((line) => line.imagesPerSecond))!.toFixed(1)]] as [string, string][])),
  ];
  return html`<dl class="tiles">${tiles.map(([name, value, beside]) => html`<div><dt>${name}</dt><dd>${value}${beside === undefined ? html`` : html` <small>${beside}</small>`}</dd></div>`)}</dl>`;
}

function several(runs: readonly RunRecord[]): Html {
  const names = [...new Set(runs.flatMap((run) => Object.keys(newest(run)?.metrics ?? {})))].slice(0, 6);
  const highest = Object.fromEntries(
    names.map((name) => [name, Math.max(...runs.map((run) => newest(run)?.metrics[name] ?? -1))]),
  );
  return table(
    ['run', ...names, 'parameters', 'steps', 'time'],
    runs.map((run) => {
      const { name, summary, logs } = run;
      const metrics = newest(run)?.metrics ?? {};
      return [
        name,
        ...names.map((one) => {
          const text = figure(metrics[one]);
          return metrics[one] === highest[one] && metrics[one]! >= 0 ? html`<b>${text}</b>` : text;
        }),
        summary === null ? '–' : count(summary.student.parameters),
        String(summary?.steps ?? logs.at(-1)?.step ?? 0),
        summary === null ? 'not at its end' : duration(60 * summary.minutes),
      ];
    }),
  );
}

export const figure = (value: number | null | undefined): string => averagePrecision(value ?? undefined);
