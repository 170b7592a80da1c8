import { loadGpu, namedAdapter, NO_ADAPTER } from '#host/gpu';
import { KdError, messageOf } from '@kd/core';

export interface AdapterOptions {
  /** In Node: a part of the name of the graphics card to take; also `KD_WEBGPU_ADAPTER`. Default: Dawn's choice. */
  readonly adapter?: string;
  /** Which one is chosen where no name says so. Default: `high-performance`. */
  readonly powerPreference?: GPUPowerPreference;
}

/** @throws KdError ENGINE_UNAVAILABLE where there is no adapter, with the way on */
export async function findAdapter({
  adapter: name = namedAdapter(),
  powerPreference = 'high-performance',
}: AdapterOptions): Promise<{ readonly gpu: GPU; readonly adapter: GPUAdapter }> {
  const gpu = await loadGpu(name);
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference });
  } catch (error) {
    // Dawn lists the names of all that there are.
    const names = [...messageOf(error).matchAll(/name: '(.*)'/g)].map(([, one]) => one!);
    if (name === undefined || names.length === 0) throw none(messageOf(error));
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `no graphics adapter has "${name}" in its name. There ${names.length > 1 ? 'are' : 'is'}: ${names.join(', ')}.`,
    );
  }
  if (adapter === null) throw none();
  return { gpu, adapter };
}

const none = (why?: string): KdError =>
  new KdError('ENGINE_UNAVAILABLE', why === undefined ? NO_ADAPTER : `${NO_ADAPTER} The reason that it tells: ${why}`);
