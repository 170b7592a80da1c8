import { type CallWatcher, type EngineInput, KdError } from '@kd/core';
import * as tf from '@tensorflow/tfjs-core';
import type { TensorMetadata } from '../binding.js';
import type { TensorflowBackend } from '../kernels.js';
import { runOp } from '../run-op.js';
import { ranOps, scopeOf } from './ran-ops.js';
import { deepStacks } from './offender.js';
import { type Structure, structureOf } from './structure.js';
import { swapVariables } from './swapped.js';
import { type Met, type Outlived, type TensorWatch, watchTensors, type WatchOptions } from './watch.js';

/** A function as a graph. */
export interface Traced<R, N> {
  /** Gives the result, and variables what the function assigns to them. */
  call(tensors: readonly tf.Tensor[], now: N): R;
  /** The same on another thread; null where a call does more than to compute a result. */
  readonly later: ((tensors: readonly tf.Tensor[]) => Promise<R>) | null;
  /** Tensors of the trace that outlived it: from the first call on they have values. */
  readonly kept: readonly Outlived[];
  readonly stats: { readonly ops: number; readonly constants: number; readonly bytes: number };
  /** Tensors from before, which it goes on to use as they were. */
  readonly captured: readonly Met[];
  readonly assigned: readonly tf.Variable[];
  dispose(): void;
}

export type Traceable<R, N> = (args: unknown, input: EngineInput<N>) => R;

interface Assigned {
  readonly variable: tf.Variable;
  readonly value: tf.Tensor;
}

export interface TraceOptions extends WatchOptions {
  readonly watcher?: CallWatcher | undefined;
  /** @see CompileOptions.inPlace */
  readonly inPlace?: boolean | undefined;
}

/** What a function did with symbolic tensors. */
interface Recorded<N> {
  readonly given: readonly tf.Tensor[];
  /** Inputs that the function asked for, with what makes their values. */
  readonly asked: {
    readonly id: number;
    readonly shape: readonly number[];
    readonly make: Parameters<EngineInput<N>>[1];
  }[];
  readonly variables: readonly { readonly variable: tf.Variable; readonly id: number }[];
  readonly result: Structure | null;
  /** Clones of the tensors of the result. */
  readonly outputs: readonly tf.Tensor[];
  readonly assigned: readonly Assigned[];
  readonly failure: { readonly error: unknown } | null;
}

/**
 * Runs `fn` on symbolic tensors and makes a function of the ops that it calls.
 * @throws what `fn` throws; variables, and tensors that it kept, have values then as well
 */
export function trace<R, N>(
  backend: TensorflowBackend,
  fn: Traceable<R, N>,
  args: Structure,
  now: N,
  { watcher, inPlace = false, ...watching }: TraceOptions,
): Traced<R, N> {
  const { binding } = backend;
  const timing = watcher?.timed() && opsAreTimed(binding) ? { watcher, parts: [] as string[] } : null;
  // Values that wait for their first use become tensors before the trace, or they would be constants of it.
  backend.getInputTensorIds([...args.tensors, ...Object.values(tf.engine().registeredVariables)]);
  binding.beginTrace();
  const unfollow = timing?.watcher.follow((part) => {
    const place = timing.parts.indexOf(part);
    binding.traceScope(scopeOf(place < 0 ? timing.parts.push(part) - 1 : place));
  });
  const watch = watchTensors(backend, watching);
  try {
    // A session, which times, lends no variables.
    const updates = inPlace && timing === null && binding.canUpdateByFunction();
    const recorded = deepStacks(() => record(backend, fn, args, updates, watch));
    const traced = finish<R, N>(backend, recorded, watch, timing, updates);
    if (recorded.failure === null) return traced;
    // What was kept before the failure gets its values from the part of the graph that is there.
    if (traced.kept.length > 0) traced.call(args.tensors, now);
    traced.dispose();
    throw recorded.failure.error;
  } finally {
    unfollow?.();
    binding.abortTrace();
    watch.end();
  }
}

/** A card computes behind the host's back, but where CUDA is told to wait for each kernel. */
const opsAreTimed = (binding: TensorflowBackend['binding']): boolean =>
  !binding.isUsingGpuDevice() || process.env.CUDA_LAUNCH_BLOCKING === '1';

/** Who is told when ops ran, and the parts that there are, by their places in the names of the graph's nodes. */
interface Timing {
  readonly watcher: CallWatcher;
  readonly parts: string[];
}

function record<R, N>(
  backend: TensorflowBackend,
  fn: Traceable<R, N>,
  args: Structure,
  updates: boolean,
  watch: TensorWatch,
): Recorded<N> {
  const { binding } = backend;
  const placeholder = (shape: readonly number[], dtype: tf.DataType, make = binding.traceInput) => {
    const type = backend.getDTypeInteger(dtype);
    const id = make(type, shape);
    return { tensor: backend.createOutputTensor({ id, shape: [...shape], dtype: type }), id };
  };
  const asked: Recorded<N>['asked'] = [];
  const variables: { variable: tf.Variable; id: number }[] = [];
  const swapped = swapVariables((variable) => {
    const make = updates ? binding.traceVariable : binding.traceInput;
    const { tensor, id } = placeholder(variable.shape, variable.dtype, make);
    variables.push({ variable, id });
    return tensor;
  });
  const given = args.tensors.map(({ shape, dtype }) => tf.keep(placeholder(shape, dtype).tensor));
  const outputs: tf.Tensor[] = [];
  let result: Structure | null = null;
  let failure: Recorded<N>['failure'] = null;
  try {
    tf.tidy(() => {
      const returned = withoutChance(() =>
        fn(args.around(given), (shape, make) => {
          const { tensor, id } = placeholder(shape, 'float32');
          asked.push({ id, shape: [...shape], make });
          return tensor;
        }),
      );
      const refused = watch.refusedRead();
      if (refused !== null) throw refused;
      result = structureOf(returned, 'what a compiled function returns');
      const { tensors } = result;
      for (const tensor of tensors) outputs.push(tf.keep(tf.clone(tensor)));
      // The function hands them over: what it keeps besides is what outlives the trace.
      const own = [...new Set(tensors)].filter((tensor) => !given.includes(tensor) && !(tensor instanceof tf.Variable));
      tf.dispose(own.filter((tensor) => binding.isSymbolic(backend.getInputTensorIds([tensor])[0]!)));
    });
  } catch (error) {
    failure = { error: watch.refusedRead() ?? error };
  }
  const assigned = failure === null ? swapped.assigned() : [];
  swapped.putBack();
  return { given, asked, variables, result, outputs, assigned, failure };
}

/** What `Math.random` gives, from which TensorFlow.js makes seeds, would be the same at every call. */
function withoutChance<T>(run: () => T): T {
  const { random } = Math;
  Math.random = () => {
    throw Object.assign(new Error('random numbers drawn while tracing would be the same at every call'), {
      code: 'TRACE_RANDOM',
    });
  };
  try {
    return run();
  } finally {
    Math.random = random;
  }
}

function finish<R, N>(
  backend: TensorflowBackend,
  { given, asked, variables, result, outputs, assigned }: Recorded<N>,
  watch: TensorWatch,
  timing: Timing | null,
  updates: boolean,
): Traced<R, N> {
  const { binding } = backend;
  const [updated, handedOut] = updates ? [assigned, []] : [[], assigned];
  const run = (fn: number, inputs: readonly number[]): TensorMetadata[] => {
    if (updated.length > 0) {
      const ids = updated.map(({ variable }) => ownId(backend, variable));
      return binding.updateByFunction(fn, inputs, ids);
    }
    if (!timing?.watcher.timed()) return binding.callFunction(fn, inputs);
    const began = performance.now();
    const { outputs: made, metadata } = binding.timeFunction(fn, inputs);
    timing.watcher.ran(() => ranOps(metadata, timing.parts, began));
    return made;
  };
  const valuesOf = (those: readonly Assigned[]): tf.Tensor[] => those.map(({ value }) => value);
  const own = [...given, ...outputs, ...valuesOf(assigned)];
  const [givenIds, outputIds, newIds] = [given, [...outputs, ...valuesOf(handedOut)], valuesOf(updated)].map(
    (tensors) => backend.getInputTensorIds(tensors),
  ) as [number[], number[], number[]];
  const outlived = watch.outlived(own);
  const wanted = new Set([...outputIds, ...newIds, ...outlived.map(({ id }) => id)]);
  const newOf = new Map(updated.map(({ variable }, i) => [variable, newIds[i]!]));
  const read = variables.filter(
    ({ variable, id }) => !newOf.has(variable) && (binding.isTraceInputUsed(id) || wanted.has(id)),
  );
  const inputOf = new Map(variables.map(({ variable, id }) => [variable, id]));
  const { fn, captured } = binding.finishTrace(
    [...givenIds, ...asked.map(({ id }) => id), ...read.map(({ id }) => id)],
    [...outputIds, ...outlived.map(({ id }) => id)],
    timing !== null,
    [...newOf].map(([variable, value]) => ({ variable: inputOf.get(variable)!, value })),
  );
  tf.dispose(own);
  const met = watch.met();
  const release = watch.hold(captured);
  let waiting = outlived;
  /** Calls on the other thread, which need the function until they are done. */
  let pending = 0;
  let disposed = false;
  const free = (): void => {
    binding.removeFunction(fn);
    release();
  };
  const inputsOf = (tensors: readonly tf.Tensor[], made: readonly number[]): number[] => {
    for (const { variable } of [...read, ...assigned]) checkThere(variable);
    return [
      ...backend.getInputTensorIds(tensors),
      ...made,
      ...backend.getInputTensorIds(read.map(({ variable }) => variable)),
      ...captured,
    ];
  };
  const resultOf = (metadata: readonly TensorMetadata[]): R =>
    result?.around(metadata.map((one) => backend.createOutputTensor(one))) as R;
  return {
    call: (tensors, now) => {
      const made: number[] = [];
      try {
        for (const { shape, make } of asked)
          made.push(binding.createTensor(shape, binding.TF_FLOAT as number, make(now)));
        const metadata = run(fn, inputsOf(tensors, made));
        const late = metadata.splice(outputs.length + handedOut.length);
        if (waiting.length > 0) waiting.forEach(({ give }, i) => give(late[i]!.id));
        else for (const { id } of late) binding.deleteTensor(id);
        waiting = [];
        metadata.splice(outputs.length).forEach((one, i) => {
          const value = backend.createOutputTensor(one);
          handedOut[i]!.variable.assign(value);
          value.dispose();
        });
        return resultOf(metadata);
      } finally {
        for (const id of made) binding.deleteTensor(id);
      }
    },
    later:
      timing !== null || asked.length + assigned.length + outlived.length > 0
        ? null
        : async (tensors) => {
            pending++;
            try {
              return resultOf(await binding.callFunctionLater(fn, inputsOf(tensors, [])));
            } finally {
              if (--pending === 0 && disposed) free();
            }
          },
    kept: outlived,
    stats: binding.traceStats(fn),
    captured: met,
    assigned: assigned.map(({ variable }) => variable),
    dispose: () => {
      disposed = true;
      if (pending === 0) free();
    },
  };
}

/** A clone of one that was disposed of has its number, and would be read, and written over, in its place. */
function checkThere({ isDisposed, name }: tf.Variable): void {
  if (isDisposed)
    throw new KdError(
      'USAGE',
      `the variable ${name}, which a compiled function reads or assigns, was disposed of. Keep it for as long as the function is called, or compile a new one.`,
    );
}

/** The number of a variable that no other tensor has: a clone keeps its own, with the value. Nothing is copied. */
function ownId(backend: TensorflowBackend, variable: tf.Variable): number {
  if (backend.refCount(variable.dataId) > 1) {
    const [alone] = runOp('Identity', [{ name: 'T', type: 'type', value: variable.dtype }], [variable], 1);
    variable.assign(alone!);
    alone!.dispose();
  }
  return backend.getInputTensorIds([variable])[0]!;
}
