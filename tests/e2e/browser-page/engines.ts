import { wasm } from '@kd/engine-wasm';

/** Engines that train in Node and in a page. */
export const ENGINES = { wasm: () => wasm({ threads: 1 }) };
