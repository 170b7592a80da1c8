export { countdown } from './countdown.js';
export { DETECTIONS, detectionsFile, readDetections, writeDetections } from './detections-file.js';
export { columns, evaluatedImages, evaluationLines, metricsLine, metricWords } from './evaluation-lines.js';
export { averagePrecision, count, duration, number, percent } from './figures.js';
export { jsonLines } from './json-lines.js';
export { escape } from './markup.js';
export { partLines, planLines } from './plan-lines.js';
export { statusLines } from './status-lines.js';
export { terminal, type TerminalOptions } from './terminal.js';
