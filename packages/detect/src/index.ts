export { type Backend, backends, type OfferedBackend } from './backends.js';
export type { Output } from './dense-detections.js';
export { DetectError, type DetectErrorCode } from './detect-error.js';
export { createDetector, type Detection, type Detector, type Session } from './detector.js';
export type {
  BoxCode,
  DenseDetections,
  ExportedModel,
  InputRule,
  PriorGrid,
  TwoStageDetections,
} from './exported-model.js';
export { load, type LoadOptions } from './load.js';
export type { OnnxOptions } from './onnx-session.js';
export type { HeadOutput, RunHead } from './region-detections.js';
export type { Picture, Pixels } from './pixels.js';
export { tfjsDetector, type TfjsModel, type TfjsRuntime } from './tfjs-detector.js';
