/**
 * Where a browser finds the binaries of `@tensorflow/tfjs-backend-wasm/wasm-out`: the address of a folder with them, or
 * that of each by its name.
 */
export type WasmFiles =
  | string
  | {
      readonly 'tfjs-backend-wasm-simd.wasm'?: string;
      readonly 'tfjs-backend-wasm-threaded-simd.wasm'?: string;
      readonly 'tfjs-backend-wasm-threaded-simd.js'?: string;
    };
