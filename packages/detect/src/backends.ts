/** What can run a model of ONNX: `cpu` is onnxruntime-node, the others are onnxruntime-web. */
export type Backend = 'cpu' | 'webgpu' | 'webgl' | 'wasm';

export const inNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string';

/** Which back ends are here, the best first; of those that are not, why. */
export async function backends(): Promise<readonly { readonly name: Backend; readonly missing?: string }[]> {
  if (inNode()) return [{ name: 'cpu' }];
  const webgpu = await whyNoWebGpu();
  const webgl = whyNoWebGl();
  return [
    { name: 'webgpu', ...(webgpu !== undefined && { missing: webgpu }) },
    { name: 'wasm' },
    { name: 'webgl', ...(webgl !== undefined && { missing: webgl }) },
  ];
}

async function whyNoWebGpu(): Promise<string | undefined> {
  // Not every type library of the browser has WebGPU yet.
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<object | null> } };
  if (!gpu)
    return globalThis.isSecureContext
      ? 'this browser has no WebGPU'
      : 'WebGPU needs a secure address: https, or localhost';
  try {
    return (await gpu.requestAdapter()) === null
      ? 'this browser has WebGPU, but no graphics adapter for it'
      : undefined;
  } catch {
    return 'this browser has WebGPU, but its graphics adapter does not start';
  }
}

function whyNoWebGl(): string | undefined {
  if (typeof OffscreenCanvas === 'undefined') return 'this browser has no canvas off the screen';
  return new OffscreenCanvas(1, 1).getContext('webgl2') ? undefined : 'this browser has no WebGL 2';
}
