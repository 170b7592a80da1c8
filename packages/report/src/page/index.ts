export { curves } from './curves.js';
export { type Html, html, section, table } from './html.js';
export { document, reportPage, type ReportParts } from './page.js';
export { readRun, type EvaluationLine, type Figures, type LogLine, type RunRecord } from './run-record.js';
export type {
  ClassCurve,
  Crop,
  Cut,
  DrawnBox,
  FeatureMaps,
  Findings,
  OrWhy,
  Picture,
  SideBySide,
} from './findings.js';
