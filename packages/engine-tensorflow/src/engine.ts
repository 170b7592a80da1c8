import {
  checkOptions,
  KdError,
  kernelsOf,
  messageOf,
  shown,
  type Engine,
  type EngineCapabilities,
  type EngineInfo,
} from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
// Imported for what it does: tfjs-core's Node build registers no gradients, the layers' build does.
import '@tensorflow/tfjs-layers';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import type { Binding } from './binding.js';
import { compile } from './compile/compile.js';
import { correctConvolutions } from './corrections/convolution.js';
import { correctReluGradient } from './corrections/relu.js';
import { correctKernels } from './corrections/kernels.js';
import { correctMaxPools } from './corrections/pooling.js';
import { correctReads } from './corrections/reads.js';
import { registerOwnKernels } from './own-kernels.js';
import { install, type InstallOptions } from './install.js';
import { loadKernels } from './kernels.js';
import { inPrecision, lowPrecisions, precisionGain } from './low-precision.js';
import { fromHalves, runOp } from './run-op.js';

export interface TensorflowOptions extends InstallOptions {
  /** Threads inside one op; also `TF_NUM_INTRAOP_THREADS`. Default: the cores of the machine. */
  readonly intraOpThreads?: number;
  /**
   * Ops of a compiled function at once; also `TF_NUM_INTEROP_THREADS`. Default: the cores of the machine. Eager ops run
   * one after the other.
   */
  readonly interOpThreads?: number;
  /** Whether TensorFlow optimises compiled functions as graphs (grappler). Default: true. */
  readonly grappler?: boolean;
  /** Whether XLA compiles them. Default: false: on processors it takes longer, at the first call and at each. */
  readonly xla?: boolean;
  /**
   * Whether a processor computes convolutions of 3 x 3 by fewer products (Winograd's F(4 x 4, 3 x 3)), in about half
   * of the time, and gradients of small kernels with strides by kernels of the engine's own. A sum is another one
   * then, and off by twice as much as a plain one. Default: true.
   */
  readonly ownConvolutions?: boolean;
}

const OPTIONS: readonly (keyof TensorflowOptions)[] = [
  ...(['library', 'onProgress', 'force', 'intraOpThreads', 'interOpThreads'] as const),
  ...(['grappler', 'xla', 'ownConvolutions'] as const),
];

/**
 * The engine on native TensorFlow. One per process: every call shares the library, the options of the first `start`
 * count.
 * @throws KdError USAGE for a number of threads that is none, and an option that there is not
 */
export function tensorflow(options: TensorflowOptions = {}): Engine {
  checkOptions(options, OPTIONS, 'tensorflow()');
  const { intraOpThreads, interOpThreads, grappler, xla, ownConvolutions } = options;
  for (const [option, value] of Object.entries({ grappler, xla, ownConvolutions })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw new KdError('USAGE', `${option} must be true or false, not ${JSON.stringify(value)}.`);
  }
  for (const [option, count] of Object.entries({ intraOpThreads, interOpThreads })) {
    if (count !== undefined && !(Number.isInteger(count) && count > 0))
      throw new KdError('USAGE', `${option} must be a whole number above 0, not ${shown(count)}.`);
  }
  return {
    name: 'tensorflow',
    start: () => start(options),
    capabilities,
    compile,
    inPrecision,
    precisionGain,
    fromHalves,
    runOp,
  };
}

let started: Promise<EngineInfo> | undefined;
let info: EngineInfo | undefined;

/** @throws KdError USAGE before `start` */
function capabilities(): EngineCapabilities {
  if (info === undefined)
    throw new KdError('USAGE', 'what the tensorflow engine can do is known once it has started: await start() first.');
  const { device, threads } = info;
  return {
    kernels: kernelsOf('tensorflow'),
    syncReads: true,
    nativeOps: true,
    compile: true,
    precision: ['float32', ...lowPrecisions(device)],
    threads,
    device,
    deviceName: device === 'gpu' ? 'an NVIDIA GPU' : (cpus()[0]?.model ?? 'a processor'),
    memoryLimit: null,
  };
}

async function start(options: TensorflowOptions): Promise<EngineInfo> {
  for (const name of ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS']) {
    const value = process.env[name];
    if (value !== undefined && !Number.isInteger(Number(value)))
      throw new KdError('USAGE', `${name} must be a whole number, not ${shown(value)}. Set it to one, or unset it.`);
  }
  started ??= startOnce(options);
  try {
    info = await started;
    if (tf.getBackend() !== 'tensorflow') await tf.setBackend('tensorflow');
    return info;
  } catch (error) {
    started = undefined; // Whoever repairs the machine may try again.
    throw error;
  }
}

async function startOnce(options: TensorflowOptions): Promise<EngineInfo> {
  const { library, binding: file } = await install(options);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // TensorFlow greets at length otherwise.
  // Off by default on processors without AVX-512 VNNI, though its convolutions are faster there too.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '1';
  let binding: Binding;
  try {
    binding = createRequire(import.meta.url)(file) as Binding;
  } catch (cause) {
    throw new KdError(
      'ENGINE_UNAVAILABLE',
      `libtensorflow ${library.version} in ${library.folder} could not be loaded: ${messageOf(cause)}. Set both up anew (kd engine install --force), or point KD_TENSORFLOW at another library.`,
      { cause },
    );
  }
  const { intraOpThreads, interOpThreads, grappler, xla, ownConvolutions } = options;
  // Whatever ends the process: a thread that computes meanwhile would use what TensorFlow frees then.
  process.once('exit', () => binding.endLater());
  binding.configure({ intraOpThreads, interOpThreads, grappler, xla, ownConvolutions });
  const { NodeJSKernelBackend } = loadKernels();
  correctConvolutions();
  correctMaxPools();
  correctKernels();
  correctReluGradient();
  const make = () => correctReads(new NodeJSKernelBackend(binding, '@kd/engine-tensorflow'));
  tf.registerBackend('tensorflow', make, 3);
  await tf.setBackend('tensorflow');
  const device = binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
  if (device === 'cpu' && !binding.compilesWithXla()) registerOwnKernels();
  return {
    name: 'tensorflow',
    backend: 'tensorflow',
    version: binding.TF_Version,
    library: library.folder,
    device,
    threads: intraOpThreads ?? (Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism()),
  };
}
