import type { FeatureMaps, OrWhy } from './findings.js';
import { type Html, html, section } from './html.js';
import { drawn } from './picture.js';

/** How strongly teacher and student answer, cell by cell. */
export const featureMaps = (all: readonly OrWhy<FeatureMaps>[]): Html =>
  section(
    'Feature maps',
    'Mean absolute value over the channels of a map, of detectors a level of the neck, dark where it is low; each map from its own lowest to its own highest. Difference: of the two maps, each brought to mean 0 and deviation 1, bright where they differ.',
    ...all.flatMap(({ value, why }) =>
      value === undefined
        ? [html`<p class="note">${why}</p>`]
        : value.images.map(
            ({
              name,
              picture,
              levels,
            }) => html`<h3>${name}, ${value.run}${all.length > 1 ? ` and ${value.teacher}` : ''}</h3>
${levels.map(
  ({ tap, teacherTap = tap, stride, teacher, student, difference, correlation }, i) =>
    html`<div class="maps">${i === 0 ? html`<figure class="picture">${drawn(picture, [], { label: name })}<figcaption>image</figcaption></figure>` : html`<div></div>`}${(
      [
        ['teacher', teacher],
        ['student', student],
        ['difference', difference],
      ] as const
    ).map(
      ([what, uri]) =>
        html`<figure class="map"><img src="${uri}" alt="${what}, ${tap}"><figcaption>${what}${what === 'difference' ? `, correlation ${correlation.toFixed(2)}` : ` ${what === 'teacher' ? teacherTap : tap}${what === 'teacher' && teacherTap !== tap ? '' : `, stride ${stride}`}`}</figcaption></figure>`,
    )}</div>`,
)}`,
          ),
    ),
  );
