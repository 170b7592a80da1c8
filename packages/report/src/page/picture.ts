import type { DrawnBox, Picture } from './findings.js';
import { type Html, html } from './html.js';

const NAMES: Readonly<Record<DrawnBox['kind'], string>> = {
  hit: 'found',
  false: 'false',
  missed: 'missed',
  object: 'annotated',
};

/** A picture that several drawings use, once in the page. */
export const sharedPicture = (id: string, { uri, view: [x, y, width, height] }: Picture): Html =>
  html`<image id="${id}" href="${uri}" x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none"/>`;

export const sharedPictures = (pictures: readonly Html[]): Html =>
  html`<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>${pictures}</defs></svg>
`;

/** Boxes over a picture; `shared` is the id of one that is in the page already. */
export function drawn(
  picture: Picture,
  boxes: readonly DrawnBox[],
  { label, shared }: { readonly label: string; readonly shared?: string },
): Html {
  const image = shared === undefined ? sharedPicture('', picture) : html`<use href="#${shared}"/>`;
  return html`<svg viewBox="${picture.view.join(' ')}" role="img" aria-label="${label}">${image}${[...boxes].reverse().map(shape)}</svg>`;
}

/** A dark line below the coloured one, so that it is seen on any picture. */
function shape({ box: [x1, y1, x2, y2], kind, text }: DrawnBox): Html {
  const place = html`x="${short(x1)}" y="${short(y1)}" width="${short(x2 - x1)}" height="${short(y2 - y1)}"`;
  return html`<g class="${kind}"><title>${NAMES[kind]}: ${text}</title><rect ${place}/><rect ${place}/></g>`;
}

const short = (value: number): number => Number(value.toFixed(1));

/** What the lines mean. */
export const boxLegend = (kinds: readonly DrawnBox['kind'][]): Html =>
  html`<ul class="legend">${kinds.map((kind) => html`<li><svg class="key" viewBox="0 0 20 12" aria-hidden="true"><g class="${kind}"><rect x="2" y="2" width="16" height="8"/><rect x="2" y="2" width="16" height="8"/></g></svg>${NAMES[kind]}</li>`)}</ul>`;
