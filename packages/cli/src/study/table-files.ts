import { join } from 'node:path';
import { writeFileAtomic } from '@kd/core';
import { columns, escape } from '@kd/report';
import { curves, document, html, type RunRecord, table as rowsOf } from '@kd/report/page';
import type { StudyTable } from './table.js';
import { notes, type Part, tableParts } from './table-parts.js';

/**
 * `table.json`, `table.md` and `index.html` of a study.
 * @param records for curves by step, one of each variant
 */
export async function writeTable(
  folder: string,
  tables: readonly StudyTable[],
  records: readonly RunRecord[] = [],
): Promise<void> {
  const parts = tables.flatMap(tableParts);
  await writeFileAtomic(
    join(folder, 'table.json'),
    `${JSON.stringify({ study: tables[0]!.study, tables }, null, 1)}\n`,
  );
  await writeFileAtomic(join(folder, 'table.md'), markdown(tables, parts));
  await writeFileAtomic(join(folder, 'index.html'), page(tables, parts, records));
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
    ...parts.flatMap(({ title, head, rows }) => [`## ${cell(title)}`, '', ...markdownTable(head, rows), '']),
    ...notes(tables).map((note) => `- ${cell(note)}`),
    '',
  ].join('\n');

/** As lines; also of docs/results.md. */
export const markdownTable = (head: Part['head'], rows: Part['rows']): string[] =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${head.map((_, i) => cell(row[i] ?? '')).join(' | ')} |`);

/** Names come from data: neither markup nor the end of a cell. */
export const cell = (text: string): string =>
  escape(text)
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replace(/[|`*_\\[\]]/g, '\\$&');

const page = (tables: readonly StudyTable[], parts: readonly Part[], records: readonly RunRecord[]): string =>
  document(tables[0]!.study, [
    html`<ul class="about">${notes(tables).map((note) => html`<li>${note}</li>`)}</ul>`,
    ...parts.map(({ title, head, rows }) => html`<section><h2>${title}</h2>${rowsOf(head, rows)}</section>`),
    ...(records.length === 0 ? [] : [curves(records)]),
  ]);
