import { escape } from '../markup.js';

/** Markup, as opposed to text that is still to be escaped. */
export interface Html {
  readonly html: string;
}

/** A template of markup: what is put into it is text and is escaped, except for markup and lists of it. */
export const html = (parts: TemplateStringsArray, ...values: readonly Value[]): Html => ({
  html: parts.map((part, i) => part + (i < values.length ? inner(values[i]!) : '')).join(''),
});

/** Markup that a library made. */
export const raw = (text: string): Html => ({ html: text });

type Value = string | number | Html | readonly Html[];

const inner = (value: Value): string => {
  if (typeof value === 'object') return 'html' in value ? value.html : value.map((one) => one.html).join('');
  return escape(String(value));
};

/**
 * Cells as text, the first of each row as its name, the last of a short row over what is left; wider than the page it
 * is moved sideways.
 */
export const table = (
  head: readonly string[],
  rows: readonly (readonly (string | Html)[])[],
): Html => html`<div class="wide"><table>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
  (row) => html`<tr>${row.map((cell, i) => {
    if (i === 0) return html`<th scope="row">${cell}</th>`;
    const rest = head.length - i;
    return i === row.length - 1 && rest > 1
      ? html`<td class="words" colspan="${rest}">${cell}</td>`
      : html`<td>${cell}</td>`;
  })}</tr>
`,
)}</tbody></table></div>`;

/** A part of the page, with a sentence that says what is seen. */
export const section = (title: string, about: string, ...content: readonly Html[]): Html =>
  html`<section><h2>${title}</h2><p class="about">${about}</p>
${content}</section>
`;
