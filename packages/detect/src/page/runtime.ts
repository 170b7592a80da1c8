import type { Backend } from '../backends.js';

/** Where onnxruntime's files lie: beside the folder of these scripts. */
const ORT = new URL('../../ort/', import.meta.url);

/** Each back end has its own build, so that nobody loads what he does not use. */
const BUILDS: Readonly<Record<Exclude<Backend, 'cpu'>, string>> = {
  webgpu: 'ort.webgpu.min.mjs',
  webgl: 'ort.webgl.min.mjs',
  wasm: 'ort.wasm.min.mjs',
};

interface Runtime {
  readonly env: { readonly wasm: { wasmPaths?: string; numThreads?: number; proxy?: boolean } };
}

export const NAMES: Readonly<Record<Exclude<Backend, 'cpu'>, string>> = {
  webgpu: 'WebGPU',
  webgl: 'WebGL',
  wasm: 'WASM',
};

/** Threads of WASM: browsers give memory that threads share to pages that are isolated from others only. */
export const threads = (): number =>
  globalThis.crossOriginIsolated ? Math.max(1, Math.min(4, navigator.hardwareConcurrency)) : 1;

export async function runtime(backend: Exclude<Backend, 'cpu'>): Promise<unknown> {
  const loaded = (await import(new URL(BUILDS[backend], ORT).href)) as Runtime;
  if (backend !== 'webgl') {
    loaded.env.wasm.wasmPaths = ORT.href;
    loaded.env.wasm.numThreads = threads();
    // In a worker, so that the page answers meanwhile.
    loaded.env.wasm.proxy = backend === 'wasm';
  }
  return loaded;
}
