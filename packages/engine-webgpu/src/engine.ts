import {
  checkOptions,
  type DeviceClock,
  type Engine,
  type EngineCapabilities,
  type EngineInfo,
  KdError,
  kernelsOf,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
// Imported for what it does: tfjs-core's Node build registers no gradients, the layers' build does.
import '@tensorflow/tfjs-layers';
import { CheckedBackend } from './backend.js';
import { PassClock } from './pass-clock.js';
import { Faults } from './faults.js';
import { type AdapterOptions, findAdapter } from './gpu.js';
import { registerKernels } from './kernels/register.js';

export type WebgpuOptions = AdapterOptions;

/**
 * The engine on a graphics card, by WebGPU. One per process, the options of the first `start` count, and of the first
 * one after a device was lost.
 * @throws KdError USAGE for an option that there is not
 */
export function webgpu(options: WebgpuOptions = {}): Engine {
  checkOptions(options, ['adapter', 'powerPreference'], 'webgpu()');
  return { name: 'webgpu', start: () => start(options), capabilities, timeDevice, keepPace };
}

const faults = new Faults();
let starting: Promise<EngineInfo> | undefined;
let started: EngineInfo | undefined;

async function start(options: WebgpuOptions): Promise<EngineInfo> {
  starting ??= startOnce(options);
  try {
    started = await starting;
  } catch (error) {
    starting = undefined;
    throw error;
  }
  faults.forget();
  if (tf.getBackend() !== 'webgpu') await tf.setBackend('webgpu');
  return started;
}

/** Of an adapter's limits, those that large tensors and the kernels of TensorFlow.js need. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/** Takes a device, in the place of one that was lost. */
async function startOnce(options: WebgpuOptions): Promise<EngineInfo> {
  const { gpu, adapter } = await findAdapter(options);
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  faults.watch(device);
  // That of the lost one has nothing to tell.
  clock = undefined;
  lastPace = Promise.resolve();
  void device.lost.then(() => (starting = undefined));
  if (started === undefined) registerKernels(faults);
  // Small tensors would be computed in plain JavaScript until they meet the device: by code that nobody compares.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  // In a browser the package has registered one of its own when it was imported; or that of the lost device.
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => withNavigator(gpu, () => new CheckedBackend(device, adapter.info, faults)));
  await tf.setBackend('webgpu');
  return {
    name: 'webgpu',
    backend: 'webgpu',
    version: tf.version_core,
    library: null,
    device: 'gpu',
    deviceName: nameOf(adapter.info),
    ...(adapter.info.isFallbackAdapter && { software: true }),
    threads: 1,
  };
}

const nameOf = ({ vendor, architecture, device, description }: GPUAdapterInfo): string =>
  description || device || `${vendor} ${architecture}`.trim() || 'a graphics card without a name';

/** The back end looks for WebGPU in `navigator` when it is made; left there, Dawn would keep Node from ending. */
function withNavigator<T>(gpu: GPU, make: () => T): T {
  const place = globalThis as { navigator?: { gpu?: GPU } };
  if (place.navigator?.gpu !== undefined) return make();
  const bare = place.navigator === undefined;
  if (bare) place.navigator = { gpu };
  else place.navigator!.gpu = gpu;
  try {
    return make();
  } finally {
    if (bare) delete place.navigator;
    else delete place.navigator!.gpu;
  }
}

let clock: PassClock | undefined;

function timeDevice(): DeviceClock | null {
  const backend = tf.backend() as CheckedBackend;
  if (!backend.device.features.has('timestamp-query')) return null;
  clock?.drop();
  return (clock = new PassClock(backend));
}

/** When the device had done what it was asked for at the last call. */
let lastPace: Promise<unknown> = Promise.resolve();

async function keepPace(): Promise<void> {
  const backend = tf.backend() as CheckedBackend;
  const before = lastPace;
  backend.flush();
  // What went wrong is told by the check of the next call.
  lastPace = backend.queue.onSubmittedWorkDone().catch(() => {});
  await backend.checked(() => before);
}

/** @throws KdError USAGE before `start` */
function capabilities(): EngineCapabilities {
  if (started === undefined)
    throw new KdError('USAGE', 'what the webgpu engine can do is known once it has started: await start() first.');
  return {
    kernels: kernelsOf('webgpu'),
    syncReads: false,
    nativeOps: false,
    compile: false,
    precision: ['float32'],
    threads: 1,
    device: 'gpu',
    deviceName: started.deviceName!,
    memoryLimit: null,
    mayBeLost: true,
  };
}
