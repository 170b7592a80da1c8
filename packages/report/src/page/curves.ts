import { chart, colour, type Line } from './chart.js';
import { type Html, html, section } from './html.js';
import type { Figures, RunRecord } from './run-record.js';

/** Losses, average precision and learning rate by step, the runs over each other. */
export function curves(runs: readonly RunRecord[]): Html {
  const terms = names(runs.flatMap(({ logs }) => logs.map((line) => line.terms)));
  const metrics = names(runs.flatMap(({ evaluations }) => evaluations.map((line) => line.metrics))).slice(0, 3);
  const ofLog = (value: (line: RunRecord['logs'][number]) => number | null | undefined): Line[] =>
    linesOf(runs, ({ logs }) => logs.map((line) => [line.step, finite(value(line))]));
  const last = Math.max(
    1,
    ...runs.flatMap(({ logs, evaluations }) => [...logs, ...evaluations].map(({ step }) => step)),
  );
  const charts = [
    ...metrics.map((name) => {
      const lines = linesOf(runs, ({ evaluations }) =>
        evaluations.map((line) => [line.step, percent(finite(line.metrics[name]))]),
      );
      return { title: name, dots: true, lines, ...(isFlat(lines) && { y: [0, 100] as const }) };
    }),
    { title: 'loss, all terms', lines: ofLog(({ total }) => total) },
    ...terms.map((name) => ({ title: name, lines: ofLog((line) => line.terms[name]) })),
    { title: 'learning rate', lines: ofLog(({ lr }) => lr) },
  ].filter(({ lines }) => lines.some(({ points }) => points.some(([, y]) => y !== null)));
  return section(
    'Curves',
    'By training step. Losses are means over the steps between two lines of the log, as they enter the total; average precision is in percent, on the validation data.',
    ...(runs.length > 1 ? [legend(runs)] : []),
    charts.length === 0
      ? html`<p class="note">Nothing was logged: ${runs.length > 1 ? 'none of these runs' : 'the run has not'} come to its first line of the log.</p>`
      : html`<div class="charts">${charts.map((one) => chart({ ...one, x: [0, last] }))}</div>`,
  );
}

/** Whose colour is which. */
export const legend = (runs: readonly { readonly name: string }[]): Html =>
  html`<ul class="legend">${runs.map(({ name }, i) => html`<li><i style="background:${colour(i)}"></i>${name}</li>`)}</ul>`;

const linesOf = (runs: readonly RunRecord[], points: (run: RunRecord) => Line['points']): Line[] =>
  runs.map((run, i) => ({ colour: i, points: points(run) })).filter((line) => line.points.length > 0);

const names = (figures: readonly Figures[]): string[] => [...new Set(figures.flatMap((one) => Object.keys(one)))];

const finite = (value: number | null | undefined): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/** Around one value the library makes an axis that goes beyond all percents. */
const isFlat = (lines: readonly Line[]): boolean =>
  new Set(lines.flatMap(({ points }) => points.flatMap(([, y]) => y ?? []))).size <= 1;

/** -1 stands for nothing to average. */
const percent = (value: number | null): number | null => (value === null || value < 0 ? null : 100 * value);
