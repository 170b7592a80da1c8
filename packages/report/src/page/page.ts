import { classTables } from './class-table.js';
import { curves } from './curves.js';
import { errors } from './errors.js';
import { featureMaps } from './feature-maps.js';
import type { FeatureMaps, Findings, OrWhy, SideBySide } from './findings.js';
import { type Html, html, raw } from './html.js';
import { instanceWeights } from './instance-weights.js';
import { overview } from './overview.js';
import { precisionRecall } from './precision-recall.js';
import type { RunRecord } from './run-record.js';
import { settings } from './settings.js';
import { sideBySide } from './side-by-side.js';
import { STYLE } from './style.js';

export interface ReportParts {
  readonly title: string;
  readonly runs: readonly RunRecord[];
  /** Of each run, in their order. */
  readonly findings: readonly OrWhy<Findings>[];
  readonly sideBySide: OrWhy<SideBySide>;
  /** What is missing beside it, a teacher say. */
  readonly notes: readonly string[];
  /** One for each teacher. */
  readonly featureMaps: readonly OrWhy<FeatureMaps>[];
}

/** Runs as one HTML page that needs no other file, no network and no script. What comes from runs is escaped. */
export function reportPage(report: ReportParts): string {
  const { title, runs } = report;
  const found = runs.map(({ name }, i) => ({ name, findings: report.findings[i]! }));
  return document(title, [
    overview(runs),
    curves(runs),
    classTables(runs),
    precisionRecall(found),
    errors(found),
    sideBySide(report.sideBySide, report.notes),
    featureMaps(report.featureMaps),
    instanceWeights(runs),
    settings(runs),
  ]);
}

/** Parts of a page as one document, readable without a network or a script. */
export const document = (title: string, parts: readonly Html[]): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title>
<style>${raw(STYLE)}</style></head>
<body><h1>${title}</h1>
${parts}
</body></html>
`.html;
