import { join } from 'node:path';
import { writeFileAtomic } from '@kd/core';
import { columns } from '@kd/report';
import { escape } from '@kd/report';
import { STYLE } from './style.js';
import type { StudyTable } from './table.js';
import { notes, type Part, tableParts } from './table-parts.js';

/** `table.json`, `table.md` and `index.html` of a study. */
export async function writeTable(folder: string, tables: readonly StudyTable[]): Promise<void> {
  const parts = tables.flatMap(tableParts);
  await writeFileAtomic(
    join(folder, 'table.json'),
    `${JSON.stringify({ study: tables[0]!.study, tables }, null, 1)}\n`,
  );
  await writeFileAtomic(join(folder, 'table.md'), markdown(tables, parts));
  await writeFileAtomic(join(folder, 'index.html'), page(tables, parts));
}

/** The first two parts of each, for a terminal. */
export const tableLines = (tables: readonly StudyTable[]): string[] => [
  ...tables
    .flatMap((table) => tableParts(table).slice(0, 2))
    .flatMap(({ title, head, rows }) => [`${title}`, '', ...columns([head, ...rows]), '']),
  ...notes(tables),
];

const markdown = (tables: readonly StudyTable[], parts: readonly Part[]): string =>
  [
    `# ${cell(tables[0]!.study)}`,
    '',
    ...parts.flatMap(({ title, head, rows }) => [
      `## ${cell(title)}`,
      '',
      ...[head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`),
      '',
    ]),
    ...notes(tables).map((note) => `- ${cell(note)}`),
    '',
  ].join('\n');

/** Names come from data: neither markup nor the end of a cell. */
const cell = (text: string): string =>
  escape(text)
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replace(/[|`*_\\[\]]/g, '\\$&');

const page = (tables: readonly StudyTable[], parts: readonly Part[]): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(tables[0]!.study)}</title>
<style>${STYLE}</style>
<h1>${escape(tables[0]!.study)}</h1>
${parts.map(section).join('\n')}
<ul>${notes(tables)
  .map((note) => `<li>${escape(note)}</li>`)
  .join('')}</ul>
</html>
`;

const section = ({ title, head, rows }: Part): string => `<h2>${escape(title)}</h2>
<div class="wide"><table><thead><tr>${head.map((name) => `<th>${escape(name)}</th>`).join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map((text, i) => (i === 0 ? `<th>${escape(text)}</th>` : `<td>${escape(text)}</td>`)).join('')}</tr>`).join('\n')}
</tbody></table></div>`;
