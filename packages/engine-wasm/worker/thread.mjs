// One thread of the WebAssembly module: what its package brings for browsers, as a text, run as a worker of Node.
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';

// Ahead of the module's own listener, which computes from then on. The thread that waits for this one within a kernel
// waits for ever, and hears of no failure: nobody else can say so, or end it.
parentPort.on('message', ({ cmd }) => {
  if (cmd === 'run') process.once('uncaughtException', endProcess);
});

function endProcess(error) {
  writeSync(
    2,
    `error [ENGINE_UNAVAILABLE] a thread of the engine wasm failed within a kernel (${error?.message ?? error}), which never ends: the process does. Go on from the last checkpoint: --resume.\n`,
  );
  process.kill(process.pid, 'SIGKILL');
}

const require = createRequire(import.meta.url);
const {
  wasmWorkerContents,
} = require('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js');
// The text lost a level of escapes: the only line breaks in it stand within strings.
const code = wasmWorkerContents.replaceAll('\n', '\\n');
new Function('require', '__filename', code)(require, fileURLToPath(import.meta.url));
