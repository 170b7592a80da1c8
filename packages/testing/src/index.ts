export { testPlugin, type PluginSuiteOptions } from './plugin-suite.js';
export { testDetector, type DetectorSuiteOptions } from './detector-suite.js';
export { cpuEngine } from './cpu-engine.js';
export { jsonFormat } from './json-format.js';
export { toyData, type ToyDataOptions } from './toy-data.js';
export { toyDetector, type ToyInput, type ToyOptions } from './toy-detector.js';
export { toyTwoStage } from './toy-two-stage.js';
export { toyMetric } from './toy-metric.js';
export { twoImages, type TwoImages } from './two-images.js';
