import { KdError, messageOf } from '@kd/core';

/** A part of the name of the adapter to take, where nobody else says. */
export const namedAdapter = (): string | undefined => process.env['KD_WEBGPU_ADAPTER'] || undefined;

/** What is missing where there is no adapter, and how to have one. */
export const NO_ADAPTER =
  'the engine webgpu finds no graphics adapter on this machine. It needs the driver of a graphics card: Vulkan on Linux (libvulkan1 and the driver of its maker, or mesa-vulkan-drivers), Metal on macOS, Direct3D 12 on Windows. Or take another engine (--engine wasm).';

/** How a run goes on after its device is lost. */
export const GO_ON = 'with --resume, on this engine or another (--engine wasm)';

/** What computes where the device does not. */
export const OTHER_ENGINE = 'Another engine (--engine wasm)';

/**
 * For as long as the process runs: Dawn works on the events of devices after what made them was collected, in memory
 * that is no longer its own.
 */
const kept: GPU[] = [];

/**
 * Dawn, as the npm package `webgpu` brings it for Node.
 * @param adapter a part of the name of the one to take
 */
export async function loadGpu(adapter: string | undefined): Promise<GPU> {
  let dawn: typeof import('webgpu');
  try {
    dawn = await import('webgpu');
  } catch (error) {
    const missing = (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      missing
        ? 'the engine webgpu needs Dawn, which the npm package "webgpu" brings: pnpm add webgpu. Or take another engine (--engine wasm).'
        : `the engine webgpu cannot load Dawn, which the npm package "webgpu" has for Linux, macOS and Windows on x64 and arm64: ${messageOf(error)} Take another engine (--engine wasm).`,
      { cause: error },
    );
  }
  Object.assign(globalThis, dawn.globals);
  // Timestamps are for profiles of one's own program: nobody is to be kept from reading them exactly.
  const exact = 'disable-dawn-features=timestamp_quantization';
  const gpu = dawn.create(adapter === undefined ? [exact] : [exact, `adapter=${adapter}`]);
  kept.push(gpu);
  return gpu;
}
