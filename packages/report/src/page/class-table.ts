import { type Html, html, section, table } from './html.js';
import { figure } from './overview.js';
import type { RunRecord } from './run-record.js';

/** Average precision of each class, over all objects and by their size, of the newest evaluation. */
export function classTables(runs: readonly RunRecord[]): Html {
  const evaluated = runs.filter(({ evaluations }) => evaluations.length > 0);
  return section(
    'Classes and sizes',
    'Average precision in percent, of the last evaluation. COCO counts an object as small (s) up to 32² pixels, as large (l) from 96² on, and as medium (m) between; a dash stands where there is no such object.',
    ...(evaluated.length === 0
      ? [html`<p class="note">No evaluation to show.</p>`]
      : evaluated.flatMap((run) => one(run, runs.length > 1))),
  );
}

function one({ name, evaluations }: RunRecord, named: boolean): Html[] {
  const { step, metrics, perClass, images, skipped } = evaluations.at(-1)!;
  const classes = Object.entries(perClass);
  const columns = Object.keys(classes[0]?.[1] ?? metrics).filter((key) => !key.startsWith('AR'));
  return [
    ...(named ? [html`<h3>${name}</h3>`] : []),
    table(
      ['class', ...columns],
      [
        ...classes.map(([label, figures]) => [label, ...columns.map((key) => figure(figures[key]))]),
        ['all', ...columns.map((key) => html`<strong>${figure(metrics[key])}</strong>`)],
      ],
    ),
    html`<p class="about">Step ${step}, ${images} images${skipped > 0 ? `; ${skipped} more could not be read and do not count` : ''}.</p>`,
  ];
}
