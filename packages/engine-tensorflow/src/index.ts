import { tensorflow } from './engine.js';

export { install, tensorflow, type Installed, type TensorflowOptions } from './engine.js';
export type { Library } from './library.js';
export type { OnProgress, Progress } from './progress.js';
export { runOp } from './run-op.js';
export default tensorflow;
