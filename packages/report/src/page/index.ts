export { reportPage, type ReportParts } from './page.js';
export { readRun, type EvaluationLine, type Figures, type LogLine, type RunRecord } from './run-record.js';
