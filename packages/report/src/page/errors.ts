import type { Crop, Findings, OrWhy } from './findings.js';
import { type Html, html, section } from './html.js';
import { boxLegend, drawn } from './picture.js';

/** The surest false detections and the largest objects that were missed, cut out of their images. */
export function errors(runs: readonly { readonly name: string; readonly findings: OrWhy<Findings> }[]): Html {
  return section(
    'False and missed detections',
    'False detections with the highest scores, and the largest objects that no detection found, at an IoU of 0.5. A second box on one object is false, too.',
    boxLegend(['false', 'missed', 'hit', 'object']),
    ...runs.flatMap(({ name, findings }) => [
      ...(runs.length > 1 ? [html`<h3>${name}</h3>`] : []),
      ...(findings.value === undefined ? [html`<p class="note">${findings.why}</p>`] : one(findings.value)),
    ]),
  );
}

function one({ falseOnes, missedOnes, crops, notes }: Findings): Html[] {
  return [
    ...notes.map((note) => html`<p class="note">${note}</p>`),
    ...group(`${falseOnes} false`, crops.falseOnes),
    ...group(`${missedOnes} missed`, crops.missed),
  ];
}

const group = (title: string, crops: readonly Crop[]): Html[] => [
  html`<h3>${title}</h3>`,
  ...(crops.length === 0
    ? []
    : [
        html`<div class="pictures small">${crops.map(({ picture, boxes, caption }) => html`<figure class="picture">${drawn(picture, boxes, { label: caption })}<figcaption>${caption}</figcaption></figure>`)}</div>`,
      ]),
];
