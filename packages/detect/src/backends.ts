/** What can run a model of ONNX: `cpu` is onnxruntime-node, the others are onnxruntime-web. */
export type Backend = 'cpu' | 'webgpu' | 'webgl' | 'wasm';

export const inNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string';

/** A back end, and why it is not here, or that it is but computes without a graphics card, slower than WASM. */
export interface OfferedBackend {
  readonly name: Backend;
  readonly missing?: string;
  readonly software?: true;
}

/** Which back ends are here, the best first; of those that are not, why. */
export async function backends(): Promise<readonly OfferedBackend[]> {
  if (inNode()) return [{ name: 'cpu' }];
  const webgpu = { name: 'webgpu' as const, ...(await foundWebGpu()) };
  const webgl = whyNoWebGl();
  const wasm = { name: 'wasm' as const };
  return [
    ...(webgpu.software ? [wasm, webgpu] : [webgpu, wasm]),
    { name: 'webgl', ...(webgl !== undefined && { missing: webgl }) },
  ];
}

/** Not every type library of the browser has WebGPU yet. */
interface Gpu {
  requestAdapter(): Promise<{
    readonly info?: { readonly isFallbackAdapter?: boolean };
    readonly isFallbackAdapter?: boolean;
  } | null>;
}

async function foundWebGpu(): Promise<Omit<OfferedBackend, 'name'>> {
  const { gpu } = navigator as { readonly gpu?: Gpu };
  if (!gpu)
    return {
      missing: globalThis.isSecureContext
        ? 'this browser has no WebGPU'
        : 'WebGPU needs a secure address: https, or localhost',
    };
  try {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return { missing: 'this browser has WebGPU, but no graphics adapter for it' };
    return (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) ? { software: true } : {};
  } catch {
    return { missing: 'this browser has WebGPU, but its graphics adapter does not start' };
  }
}

function whyNoWebGl(): string | undefined {
  if (typeof OffscreenCanvas === 'undefined') return 'this browser has no canvas off the screen';
  return new OffscreenCanvas(1, 1).getContext('webgl2') ? undefined : 'this browser has no WebGL 2';
}
