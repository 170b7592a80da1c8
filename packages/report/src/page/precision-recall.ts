import { chart, colour } from './chart.js';
import { legend } from './curves.js';
import type { Findings, OrWhy } from './findings.js';
import { type Html, html, section } from './html.js';

/** Precision over recall at IoU 0.5: of one run a line a class, of several a chart a class and a line a run. */
export function precisionRecall(runs: readonly { readonly name: string; readonly findings: OrWhy<Findings> }[]): Html {
  const missing = runs.flatMap(({ name, findings }) =>
    findings.why === undefined ? [] : [html`<p class="note">${runs.length > 1 ? `${name}: ` : ''}${findings.why}</p>`],
  );
  const named = [...new Set(runs.flatMap(({ findings }) => findings.value?.classes.map(({ name }) => name) ?? []))];
  const lines = runs.flatMap(({ findings }, i) =>
    (findings.value?.classes ?? []).flatMap(({ name, precision }) =>
      precision === null
        ? []
        : [{ name, colour: i, points: Array.from(precision, (value, k): [number, number] => [k / 100, value]) }],
    ),
  );
  const charts = named
    .map((title) => ({
      title,
      lines: lines.filter(({ name }) => name === title),
      x: [0, 1] as const,
      y: [0, 1] as const,
    }))
    .filter((one) => one.lines.length > 0);
  return section(
    'Precision and recall',
    'Class by class, at an IoU of 0.5, all detections from the best score down: to the right more objects are found, and higher up fewer detections are false. The area under a line is AP50.',
    ...missing,
    ...(runs.length > 1 && charts.length > 0 ? [legend(runs)] : []),
    ...(charts.length > 0 ? [html`<div class="charts">${charts.map(chart)}</div>`] : []),
    ...runs.flatMap(({ name, findings }, i) =>
      findings.value === undefined ? [] : [cutLine(findings.value, runs.length > 1 ? { name, i } : null)],
    ),
  );
}

function cutLine(
  { cut: { score, precision, recall } }: Findings,
  named: { readonly name: string; readonly i: number } | null,
): Html {
  const of = named === null ? html`` : html`<i class="dot" style="background:${colour(named.i)}"></i>${named.name}: `;
  return html`<p class="about">${of}F1 over all classes is highest from score ${score.toFixed(2)} on, with precision ${percent(precision)} and recall ${percent(recall)}; pictures show detections from there on.</p>`;
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
