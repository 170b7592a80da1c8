import { classTables } from './class-table.js';
import { curves } from './curves.js';
import { type Html, html, raw } from './html.js';
import { overview } from './overview.js';
import type { RunRecord } from './run-record.js';
import { settings } from './settings.js';
import { STYLE } from './style.js';

export interface ReportParts {
  readonly title: string;
  readonly runs: readonly RunRecord[];
}

/** Runs as one HTML page that needs no other file, no network and no script. What comes from runs is escaped. */
export const reportPage = ({ title, runs }: ReportParts): string =>
  document(title, [overview(runs), curves(runs), classTables(runs), settings(runs)]);

const document = (title: string, parts: readonly Html[]): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title>
<style>${raw(STYLE)}</style></head>
<body><h1>${title}</h1>
${parts}
</body></html>
`.html;
