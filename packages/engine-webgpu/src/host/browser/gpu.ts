import { KdError } from '@kd/core';

export const namedAdapter = (): undefined => undefined;

export const NO_ADAPTER =
  'this browser has WebGPU, and no graphics adapter for it: it knows no card here, does not trust its driver, or its hardware acceleration is off (chrome://gpu says which). Take another browser, or the engine wasm.';

export const GO_ON = 'with resume: true, on this engine or the engine wasm';

export const OTHER_ENGINE = 'The engine wasm';

/** The browser's own. */
export async function loadGpu(adapter: string | undefined): Promise<GPU> {
  if (adapter !== undefined)
    throw new KdError('USAGE', 'a browser chooses the adapter by itself: leave out adapter, and say powerPreference.');
  const { gpu } = (globalThis as unknown as { readonly navigator: { readonly gpu?: GPU } }).navigator;
  if (gpu !== undefined) return gpu;
  throw new KdError(
    'ENGINE_UNAVAILABLE',
    'this browser has no WebGPU: navigator.gpu is missing, as it is on pages that come neither by HTTPS nor from localhost. Take another browser, or the engine wasm.',
  );
}
