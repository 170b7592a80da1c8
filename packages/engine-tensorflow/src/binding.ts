import { KdError } from '@kd/core';
import { folderOnce, type FolderOnceOptions, type OnProgress } from '@kd/core/wheels';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { neededCompiler } from './compiler.js';
import { damage, keepHashes } from './kept-hashes.js';
import type { Library } from './library.js';
import type { Machine } from './machine.js';

/** A tensor by its number; `dtype` is one of TensorFlow's numbers. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** An attribute of an op with its type as TensorFlow numbers it; an array is a list of that type. */
export interface NativeAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[] | readonly string[];
}

export type NativeValues = Float32Array | Int32Array | Uint8Array | Uint16Array | BigInt64Array | Uint8Array[];

/** The native module: one TensorFlow context, its tensors and functions, all by number. */
export interface Binding {
  readonly TF_Version: string;
  readonly [constant: `TF_${string}`]: number | string;

  createTensor(shape: readonly number[], dtype: number, values: NativeValues): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): NativeValues;
  executeOp(
    op: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[];
  isUsingGpuDevice(): boolean;
  /** Whether functions are compiled by XLA, which knows no kernels of ours and no fused convolutions. */
  compilesWithXla(): boolean;
  /** Whether the ops of native/convolution.cc and native/strided.cc are there and wanted. */
  hasOwnConvolutions(): boolean;
  /** Those of a trace that runs count. */
  getNumOfTensors(): number;

  /** As `tensorDataSync`, but another thread waits for the values. */
  tensorData(id: number): Promise<NativeValues>;
  /** Where its values lie in memory: tensors that share them have one place. */
  tensorAddress(id: number): number;
  /**
   * Before the first use of anything else. `grappler`: whether functions are optimised (default true), `xla`: whether
   * XLA compiles them (default false). `ownConvolutions`: default true.
   */
  configure(options: {
    intraOpThreads?: number | undefined;
    interOpThreads?: number | undefined;
    grappler?: boolean | undefined;
    xla?: boolean | undefined;
    ownConvolutions?: boolean | undefined;
  }): void;
  /**
   * Tensors held and their bytes; bytes that malloc has given out (-1: unknown), what TensorFlow keeps for its next
   * tensors among them; the most that the process ever had in memory.
   */
  memory(): { tensors: number; bytes: number; allocated: number; peakResident: number };
  /** Gives what malloc keeps and nobody uses back to the system: its pages cost time where they are used again. */
  trimMemory(): void;

  /**
   * From here on ops become nodes of a graph, and what they return is symbolic: with a shape, without values. Tensors
   * created meanwhile are constants of it, those from before are captured. Reading a symbolic tensor throws an Error
   * with the code `TRACE_READ`, an op whose output has no fixed shape one with `TRACE_SHAPE`, a symbolic tensor of
   * another trace `TRACE_ENDED`.
   */
  beginTrace(): void;
  /** Names of nodes that are added from here on begin with it, and a slash; `''` for none. */
  traceScope(scope: string): void;
  /**
   * The type that convolutions from here on, their gradients and ops between them are computed in; what comes out is
   * float32 to all others.
   */
  traceFloats(dtype: number): void;
  /** Whether they are computed in another type than float32 now. */
  isTraceInHalf(): boolean;
  /** A symbolic tensor that the function will take. */
  traceInput(dtype: number, shape: readonly number[]): number;
  /** The same for a variable, which the function may also update. */
  traceVariable(dtype: number, shape: readonly number[]): number;
  /** Whether an op took this input so far. */
  isTraceInputUsed(input: number): boolean;
  /**
   * Ends the trace. The function takes `inputs`, then the tensors `captured`, which must live as long as it is called.
   * An output may be any tensor, inputs too. @throws Error where a captured tensor was disposed of within the trace, or
   * an input that is used is not among `inputs`; the trace goes on then
   * @param timed keeps what `timeFunction` needs; default: not
   * @param updates new values of variables that are no inputs: the function is called by `updateByFunction`
   */
  finishTrace(
    inputs: readonly number[],
    outputs: readonly number[],
    timed?: boolean,
    updates?: readonly { readonly variable: number; readonly value: number }[],
  ): { fn: number; captured: number[] };
  /** Ends it without a function; does nothing without a trace. */
  abortTrace(): void;
  callFunction(fn: number, inputs: readonly number[]): TensorMetadata[];
  /** Whether this device has functions that update variables. */
  canUpdateByFunction(): boolean;
  /**
   * The same of a function that updates variables: their numbers have the new values afterwards, in the memory of the
   * old ones where nothing else holds that. Where it fails once it has begun they have none, and are refused.
   */
  updateByFunction(fn: number, inputs: readonly number[], variables: readonly number[]): TensorMetadata[];
  /** As `callFunction` on another thread, one call after the other. The inputs may be disposed of at once. */
  callFunctionLater(fn: number, inputs: readonly number[]): Promise<TensorMetadata[]>;
  /** Waits for the call that runs; no other is run any more. For the end of the process. */
  endLater(): void;
  /** The same in a session, which tells when each node ran: a serialized `RunMetadata` of TensorFlow. */
  timeFunction(fn: number, inputs: readonly number[]): { outputs: TensorMetadata[]; metadata: Uint8Array };
  removeFunction(fn: number): void;
  traceStats(fn: number): { ops: number; constants: number; bytes: number };
  isSymbolic(id: number): boolean;
}

const NAPI_VERSION = 8;
const FLAGS = [
  '-std=c++17',
  '-O2',
  // Square roots say nothing of errors beside their result, which would keep loops with one from vectors.
  '-fno-math-errno',
  '-fPIC',
  '-fvisibility=hidden',
  '-shared',
  '-pthread',
  `-DNAPI_VERSION=${NAPI_VERSION}`,
];

export interface BindingPlan {
  readonly file: string;
  readonly args: (output: string) => string[];
}

/**
 * What would be compiled, and where it lies once it is. The name is a hash of all that goes in: sources, flags, headers
 * of Node-API, and the very library (folder, size, time). Node-API is stable across Node versions, so one file serves
 * all.
 */
export function bindingPlan(library: Library, cache: string, platform: string): BindingPlan {
  const headers = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
  const sources = sourcesIn(fileURLToPath(new URL('../native', import.meta.url)));
  const hash = createHash('sha256').update(JSON.stringify([library.folder, library.version, FLAGS]));
  for (const file of library.files) {
    const { size, mtimeMs } = statSync(join(library.folder, file));
    hash.update(`${file} ${size} ${mtimeMs}`);
  }
  for (const source of sources) hash.update(readFileSync(source));
  return {
    file: join(
      cache,
      `binding-tf${library.version}-napi${NAPI_VERSION}-${hash.digest('hex').slice(0, 16)}`,
      'kd_tensorflow.node',
    ),
    args: (output) => [
      ...FLAGS,
      ...[headers, library.include].map((path) => `-I${path}`),
      ...sources.filter((source) => source.endsWith('.cc')),
      '-o',
      output,
      ...library.files.map((file) => join(library.folder, file)),
      `-Wl,-rpath,${library.folder}`,
      // Node's own functions are found when it loads the file; other linkers leave them open without being told.
      ...(platform.startsWith('darwin') ? ['-undefined', 'dynamic_lookup'] : []),
    ],
  };
}

const sourcesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort()
    .map((name) => join(folder, name));

/**
 * Compiles the binding for `library` unless that was done before; seconds the first time. @throws KdError
 * ENGINE_UNAVAILABLE
 */
export async function compileBinding(
  library: Library,
  { cache, env, platform, run }: Machine,
  onProgress: OnProgress,
  waiting: FolderOnceOptions = {},
): Promise<string> {
  const plan = bindingPlan(library, cache, platform);
  await folderOnce(
    dirname(plan.file),
    async (temporary) => {
      const compiler = await neededCompiler(env, run);
      onProgress({
        stage: 'compile',
        message: `compiling the binding for TensorFlow ${library.version}, about twenty seconds`,
      });
      const { code, stderr } = await run(compiler.command, plan.args(join(temporary, basename(plan.file))));
      if (code !== 0) {
        const lines = stderr.split('\n').filter((line) => /error|cannot find/i.test(line));
        const errors = lines.length > 0 ? lines.slice(0, 5) : [stderr.trim().slice(-500)];
        throw new KdError('ENGINE_UNAVAILABLE', [
          `the binding could not be compiled by ${compiler.command} (${compiler.version}) against ${library.folder}:`,
          ...errors,
        ]);
      }
      await keepHashes(temporary);
    },
    {
      onWait: () => onProgress({ stage: 'wait', message: 'another process is compiling the binding, waiting for it' }),
      ...waiting,
    },
  );
  if (!existsSync(plan.file))
    throw new KdError('ENGINE_UNAVAILABLE', damage(dirname(plan.file), [`${basename(plan.file)} is gone`]));
  return plan.file;
}
