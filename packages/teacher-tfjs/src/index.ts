export { tfjs, type TfjsInput, type TfjsOptions } from './teacher.js';
export { inspectTfjs, type TfjsInspection, type TfjsMap } from './inspect.js';
export type { FoundMap } from './find-maps.js';
export { tfjs as default } from './teacher.js';
