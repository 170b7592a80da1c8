import type * as tf from '@tensorflow/tfjs-core';
import type { Logger } from '../logger.js';

/** What runs the tensors: a backend of TensorFlow.js, found, started and made current. */
export interface Engine {
  readonly name: string;
  /** Makes the backend current. Idempotent. @throws KdError ENGINE_UNAVAILABLE with what to install. */
  start(): Promise<EngineInfo>;
  /** What it can do on this machine. Valid after `start`. */
  capabilities(): EngineCapabilities;
  /**
   * A function of tensors and variables as one graph, traced once for each signature: the types and shapes of the
   * tensors in `args`, the lists and objects around them, and the numbers, texts and booleans among them, which are
   * constants of the graph. Variables are read and assigned at every call. Other tensors that `fn` meets stay those of
   * the trace; once one of them was disposed of, calls are refused until `clear`.
   * @param fn called to be traced alone; it reads no values of tensors, and its branches are those of the trace
   * @throws KdError COMPILE_REFUSED at a call, naming the line of what cannot be traced
   */
  compile?<A, R, N = void>(fn: (args: A, input: EngineInput<N>) => R, options: CompileOptions): Compiled<A, R, N>;
  /**
   * While a function is traced: computes the convolutions of `run` with their gradients, and what goes on from them
   * alone, in `precision`, one of those of the capabilities. What comes out is float32.
   */
  inPrecision?<T>(precision: LowPrecision, run: () => T): T;
  /** Measures what that saves here. Valid after `start`. */
  precisionGain?(precision: LowPrecision): PrecisionGain;
  /**
   * Times what the device is given from here on, one clock at a time; null where the device has none to read. An engine
   * whose device never computes later than it is asked leaves it out. Valid after `start`.
   */
  timeDevice?(): DeviceClock | null;
  /**
   * Waits until the device has done what it was asked for before the last call. Called after each step, it leaves one
   * to the device while the next is asked for, its images uploaded, and never more of them.
   */
  keepPace?(): Promise<void>;
  /**
   * Half floats (the bits of IEEE binary16) as a float32 tensor, where the device widens them; else the host does.
   * Valid after `start`.
   */
  fromHalves?(values: Uint16Array, shape: readonly number[]): tf.Tensor;
  /** Runs one eager op of native TensorFlow, where the engine has it. Valid after `start`. */
  runOp?(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

/** What is less than float32. */
export type LowPrecision = 'bfloat16' | 'float16';

/** How long convolutions take in fewer bits, as a share of what they take in float32. */
export interface PrecisionGain {
  readonly forward: number;
  /** With their gradients. */
  readonly training: number;
}

/**
 * A float32 tensor that the host makes before every call of a compiled function.
 * @param shape the same at every call
 */
export type EngineInput<N> = (shape: readonly number[], make: (now: N) => Float32Array) => tf.Tensor;

export interface CompileOptions {
  /** What messages call the function, e.g. `the training step`. */
  readonly name: string;
  /** Signatures that are kept at once, default 8; the one not used for longest goes first. */
  readonly most?: number;
  readonly logger: Logger;
  readonly onTrace?: (trace: TraceInfo) => void;
  /** Who is at work while the function is traced, such as `ssim.lossCompose`: what messages name beside the line. */
  readonly at?: () => string | null;
  /** Is told when the ops of a call ran; an engine that cannot tell leaves it out. */
  readonly watcher?: CallWatcher;
  /**
   * Has the values of variables that it assigns take the memory of the old ones, one by one while the function runs,
   * where nobody else holds those; else the old ones stay until all new ones are there. A call that fails on the way
   * leaves them without values, and whoever reads one is refused until it is assigned. Default: false, such a call
   * leaves all as it was. An engine that cannot passes over it.
   */
  readonly inPlace?: boolean;
}

/** Whoever wants to know which part of a compiled function takes how long. */
export interface CallWatcher {
  /** Whether the calls from here on are timed, which takes somewhat longer. */
  timed(): boolean;
  /** Tells the parts of a function, as they begin or go on while it is traced, until what it returns is called. */
  follow(enter: (part: string) => void): () => void;
  /** @param read tells when the ops of the call ran, at any later time: it is work that would be timed otherwise */
  ran(read: () => readonly RanOp[]): void;
}

/** One op of a call. */
export interface RanOp {
  /** That it was traced in; empty for none. */
  readonly part: string;
  /** What the engine calls it. */
  readonly op: string;
  /** As `performance.now()` tells it. */
  readonly start: number;
  readonly end: number;
}

/** What a device takes that computes later than it is asked. */
export interface DeviceClock {
  /** What the device is given from here on counts to `part`. */
  enter(part: string): void;
  /** Nothing from here on counts. Milliseconds by part, once the device has done it all. */
  stop(): Promise<ReadonlyMap<string, number>>;
}

export interface TraceInfo {
  readonly seconds: number;
  readonly ops: number;
  readonly constants: number;
  /** Of the constants. */
  readonly bytes: number;
  /** Tensors from before, or that it keeps, which are no variables: it goes on with what they were. */
  readonly captured: readonly CapturedTensor[];
  /** Variables that every call assigns. */
  readonly assigned: readonly tf.Variable[];
  /** Signatures known by now. */
  readonly signatures: number;
}

/** A tensor that a function uses, and is not given. */
export interface CapturedTensor {
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Who uses it first, as `at` of the options says. */
  readonly at: string | null;
  /** File and line, as far as they are known, or empty. */
  readonly line: string;
}

export interface Compiled<A, R, N = void> {
  /** @param now handed to what makes the inputs of the host; the caller disposes the tensors of the result */
  (args: A, now: N): R;
  /**
   * The same on another thread, one call after the other, while JavaScript goes on; `args` may be disposed of at once.
   * What cannot be traced is thrown as by a call, before there is a promise. An engine that cannot leaves it out.
   */
  later?(args: A, now: N): Promise<R>;
  /** Forgets what was traced: to be called where tensors that are no variables were replaced. */
  clear(): void;
}

/** What an engine declares, so that nobody asks which engine it is. */
export interface EngineCapabilities {
  /** Names of the kernels of TensorFlow.js that it runs, see `kernelsOf`; to train it needs those of `STEP_KERNELS`. */
  readonly kernels: ReadonlySet<string>;
  /** Whether `dataSync` works; otherwise data are read by `await tensor.data()` alone. */
  readonly syncReads: boolean;
  /** Whether it has {@link Engine.runOp}. */
  readonly nativeOps: boolean;
  /** Whether it compiles steps. */
  readonly compile: boolean;
  /** What it computes floats in, the usual one first. */
  readonly precision: readonly ('float32' | LowPrecision)[];
  readonly threads: number;
  readonly device: 'cpu' | 'gpu';
  /** What the device calls itself, such as the model of a processor. */
  readonly deviceName: string;
  /** Bytes that all its tensors together may take; null where only the machine's own memory limits them. */
  readonly memoryLimit: number | null;
  /** Whether the device may go, with all that it holds: a run then keeps copies of its newest steps on the host. */
  readonly mayBeLost?: boolean;
}

export interface OpAttribute {
  readonly name: string;
  readonly type: 'int' | 'float' | 'bool' | 'string' | 'type' | 'shape' | 'int[]' | 'string[]';
  readonly value: number | boolean | string | readonly number[] | readonly string[];
}

export interface EngineInfo {
  readonly name: string;
  /** Name of the TensorFlow.js backend. */
  readonly backend: string;
  /** Version of the library behind the backend. */
  readonly version: string;
  /** Where the library lies, or null for a backend without one. */
  readonly library: string | null;
  readonly device: 'cpu' | 'gpu';
  /** What a graphics card calls itself, where the engine knows. */
  readonly deviceName?: string;
  /** Whether that card is a program on the processor: right and slow. `auto` takes no such engine. */
  readonly software?: boolean;
  readonly threads: number;
  /** Bytes that all its tensors together may take, where the engine limits them. */
  readonly memoryLimit?: number;
}
