// One thread of the WebAssembly module: what its package brings for browsers, as a text, run as a worker of Node.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const {
  wasmWorkerContents,
} = require('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js');
// The text lost a level of escapes: the only line breaks in it stand within strings.
const code = wasmWorkerContents.replaceAll('\n', '\\n');
new Function('require', '__filename', code)(require, fileURLToPath(import.meta.url));
