import { wasm } from './engine.js';

export { wasm, type WasmOptions } from './engine.js';
export type { WasmFiles } from './wasm-files.js';
export default wasm;
