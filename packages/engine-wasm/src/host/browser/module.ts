import { consoleLogger, KdError, messageOf } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import * as single from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import * as threaded from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js';
// @ts-expect-error It comes without types.
import * as worker from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js';
import { type Factory, instantiating, loaded, refuseWarning, type LoadedModule } from '../../module.js';
import type { WasmFiles } from '../../wasm-files.js';

/** Where a bundler puts the files that are asked for by their addresses. */
const BUNDLED = {
  'tfjs-backend-wasm-simd.wasm': new URL(
    '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm',
    import.meta.url,
  ).href,
  'tfjs-backend-wasm-threaded-simd.wasm': new URL(
    '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm',
    import.meta.url,
  ).href,
  'tfjs-backend-wasm-threaded-simd.js': new URL(
    '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js',
    import.meta.url,
  ).href,
} as const;
type Name = keyof typeof BUNDLED;

const ISOLATED =
  'a browser has SharedArrayBuffer where the server sends the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp';

/**
 * Loads the binary for a page: that of several threads where there is a SharedArrayBuffer.
 * @param asked whether a person has said how many threads
 * @throws KdError ENGINE_UNAVAILABLE where the browser cannot, or the files are not there
 */
export async function loadModule(threads: number, asked: boolean, files?: WasmFiles): Promise<LoadedModule> {
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      'this browser has no WebAssembly with SIMD, which the engine wasm computes with. Browsers have it since Chrome 91, Firefox 89 and Safari 16.4: take a newer one; or turn WebAssembly on, where a setting forbids it.',
    );
  const many = threads > 1 && ((await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT')) as boolean);
  if (threads > 1 && !many) {
    if (asked)
      throw new KdError(
        'ENGINE_UNAVAILABLE',
        `wasm({ threads: ${threads} }) needs a SharedArrayBuffer, which this page has not: ${ISOLATED}. Or leave threads out, and it runs on one.`,
      );
    consoleLogger.info(`the engine wasm runs on one thread: ${ISOLATED}.`);
  }
  const address = (name: Name): string =>
    typeof files === 'string' ? new URL(name, new URL(`${files}/`, base())).href : (files?.[name] ?? BUNDLED[name]);
  const binary = address(many ? 'tfjs-backend-wasm-threaded-simd.wasm' : 'tfjs-backend-wasm-simd.wasm');
  const { option, failure } = instantiating(await readBinary(binary), threads);
  const loading = factoryOf(many ? threaded : single)({
    locateFile: (file: string) => (file.endsWith('.worker.js') ? workerAddress() : binary),
    mainScriptUrlOrBlob: address('tfjs-backend-wasm-threaded-simd.js'),
    printErr: refuseWarning,
    ...option,
  });
  const module = await Promise.race([failure, loading]);
  await loaded(module);
  return { module, threads: many ? threads : 1 };
}

const base = (): string => (globalThis as unknown as { readonly location: { readonly href: string } }).location.href;

/** The scripts of the package export themselves as CommonJS; what a bundler makes of that differs. */
const factoryOf = (script: unknown): Factory =>
  (script as { readonly default?: Factory }).default ?? (script as Factory);

/** The script of a thread, which its package brings as a text that lost a level of escapes. */
function workerAddress(): string {
  const { wasmWorkerContents: text } = ('default' in worker ? worker.default : worker) as {
    readonly wasmWorkerContents: string;
  };
  return URL.createObjectURL(new Blob([text.replaceAll('\n', '\\n')], { type: 'text/javascript' }));
}

/** The script itself would only say that it aborted. */
async function readBinary(address: string): Promise<ArrayBuffer> {
  let what: string;
  try {
    const answer = await fetch(address);
    const binary = await answer.arrayBuffer();
    if (answer.ok && String.fromCharCode(...new Uint8Array(binary).subarray(0, 4)) === '\0asm') return binary;
    what = answer.ok ? 'is no WebAssembly' : `answers ${answer.status}`;
  } catch (cause) {
    what = `cannot be loaded (${messageOf(cause)})`;
  }
  throw new KdError(
    'ENGINE_UNAVAILABLE',
    `${address} ${what}: the engine wasm needs the files of @tensorflow/tfjs-backend-wasm/wasm-out there. Serve them, and name their folder: wasm({ files: '/wasm' }). With Vite, optimizeDeps: { exclude: ['@kd/engine-wasm'] } lets it find them by itself.`,
  );
}
