export { evaluateCoco, IOU_THRESHOLDS, type CocoOptions, type CocoResult } from './coco.js';
export { RECALL_SAMPLES } from './coco-accumulate.js';
export { cocoTable, type CocoDetection, type CocoInstances } from './coco-json.js';
export { cocoMetric } from './coco-metric.js';
export {
  outcomes,
  precisionRecall,
  type ClassOutcomes,
  type DetectionOutcome,
  type ObjectOutcome,
} from './outcomes.js';
export type { CocoTable, DetectionColumns, ObjectColumns } from './coco-table.js';
export { evaluateVoc, type VocClassResult, type VocOptions, type VocResult } from './voc.js';
export { vocMetric, type VocMetricOptions } from './voc-metric.js';
export { vocTable, type VocRows, type VocTable } from './voc-table.js';
export { metricByName } from './metric-by-name.js';
