import { wasm } from './engine.js';

export { wasm, type WasmOptions } from './engine.js';
export default wasm;
