import type { OrWhy, SideBySide } from './findings.js';
import { type Html, html, section } from './html.js';
import { boxLegend, drawn, sharedPicture, sharedPictures } from './picture.js';

/** Teacher and students on the same images. */
export function sideBySide({ value, why }: OrWhy<SideBySide>, notes: readonly string[]): Html {
  return section(
    'Side by side',
    'What each model finds on the same validation images, taken at even distances from all of them, each from the score where its F1 is highest.',
    ...[...notes, ...(why === undefined ? [] : [why])].map((note) => html`<p class="note">${note}</p>`),
    ...(value === undefined ? [] : [cuts(value), boxLegend(['hit', 'false', 'missed']), ...rows(value)]),
  );
}

const rows = ({ models, images }: SideBySide): Html[] => [
  sharedPictures(images.map(({ picture }, i) => sharedPicture(`image-${i}`, picture))),
  html`<div class="groups" style="grid-template-columns:repeat(auto-fill,minmax(min(100%,${models.length * 230}px),1fr))">${images.map(
    ({ name, picture, boxes }, i) =>
      html`<div><h3>${name}</h3><div class="pictures">${models.map(
        (model, m) =>
          html`<figure class="picture">${drawn(picture, boxes[m]!, { label: `${model.name} on ${name}`, shared: `image-${i}` })}<figcaption><b>${model.name}</b> ${told(boxes[m]!)}</figcaption></figure>`,
      )}</div></div>`,
  )}</div>`,
];

function told(boxes: SideBySide['images'][number]['boxes'][number]): string {
  const count = (kind: string): number => boxes.filter((one) => one.kind === kind).length;
  return `${count('hit')} found, ${count('false')} false, ${count('missed')} missed`;
}

const cuts = ({ models }: SideBySide): Html =>
  html`<p class="about">Scores from which on detections are drawn: ${models.map(({ name, cut }) => `${name} ${cut.score.toFixed(2)}`).join(', ')}.${models.some(({ isTeacher }) => isTeacher) ? ' A teacher looked at these images alone.' : ''}</p>`;
