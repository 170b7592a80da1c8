export { tfjs, type TfjsInput, type TfjsOptions } from './teacher.js';
export { tfjs as default } from './teacher.js';
