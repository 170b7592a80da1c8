import { tensorflow } from './engine.js';

export type { Compiler } from './compiler.js';
export { diagnose, type Diagnosis } from './diagnose.js';
export { tensorflow, type TensorflowOptions } from './engine.js';
export type { Place, Source } from './find-library.js';
export { install, type Installed, type InstallOptions } from './install.js';
export type { Library } from './library.js';
export type { OnProgress, Progress, Python } from '@kd/core/wheels';
export { forbidsBfloat16 } from './processor.js';
export { runOp } from './run-op.js';
export default tensorflow;
