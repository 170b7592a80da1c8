import { KdError } from '@kd/core';

export const namedAdapter = (): undefined => undefined;

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
