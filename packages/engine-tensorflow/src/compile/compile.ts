import { type Compiled, type CompileOptions, type EngineInput, isKdError, KdError, messageOf } from '@kd/core';
import type * as tf from '@tensorflow/tfjs-core';
import { currentBackend } from '../run-op.js';
import { freeGarbage } from './free-garbage.js';
import { offender, rootOf } from './offender.js';
import { structureOf } from './structure.js';
import { trace, type Traced } from './trace.js';
import type { Met, Outlived } from './watch.js';

/** So many calls in a row that had to be traced in the place of others: the shapes are others every time. */
const IN_A_ROW = 4;

/** What is traced at the moment: there is one trace at a time. */
let tracing: string | null = null;

/** @see Engine.compile */
export function compile<A, R, N = void>(
  fn: (args: A, input: EngineInput<N>) => R,
  { name, most = 8, onTrace, at, logger, watcher, inPlace }: CompileOptions,
): Compiled<A, R, N> {
  if (!(Number.isInteger(most) && most > 0))
    throw new KdError('USAGE', `${name}: most must be a whole number above 0, not ${most}.`);
  /** By signature; the one that was used last is at the end. */
  const cache = new Map<string, Traced<R, N> | KdError>();
  /** Signatures whose first trace left tensors behind, as a cache does that is filled once. */
  const filling = new Set<string>();
  let inARow = 0;
  let warned = false;

  const traced = (signature: string, make: () => Traced<R, N>): Traced<R, N> => {
    const began = performance.now();
    let made: Traced<R, N>;
    tracing = name;
    try {
      made = make();
    } catch (error) {
      const refused = refusal(name, error);
      if (refused !== null) cache.set(signature, refused);
      throw refused ?? error;
    } finally {
      tracing = null;
    }
    cache.set(signature, made);
    onTrace?.({
      seconds: (performance.now() - began) / 1000,
      ...made.stats,
      captured: made.captured,
      assigned: made.assigned,
      signatures: cache.size,
    });
    return made;
  };

  const makeRoom = (): void => {
    if (cache.size > most && ++inARow >= IN_A_ROW && !warned) {
      warned = true;
      logger.warn(
        `${name}: each of the last ${inARow} calls had tensors of other shapes and was traced anew, which costs more than it saves. Give the images one size (the student's option input), or set compile: false.`,
      );
    }
    while (cache.size > most) {
      const [oldest, entry] = cache.entries().next().value!;
      cache.delete(oldest);
      if (!(entry instanceof KdError)) entry.dispose();
      logger.info(
        `${name}: more than ${most} shapes; the one not used for longest is traced anew when it comes again.`,
      );
    }
  };

  /** XLA compiles at the first call: what it cannot is not tried again. */
  const refusedByXla = (args: A, error: unknown): unknown => {
    const refused = xlaRefusal(name, error);
    if (refused === null) return error;
    const { signature } = structureOf(args, `what ${name} is called with`);
    const known = cache.get(signature);
    if (known !== undefined && !(known instanceof KdError)) known.dispose();
    cache.set(signature, refused);
    return refused;
  };

  /** Traces it first where that was not done yet. */
  const withTraced = <T>(args: A, now: N, use: (traced: Traced<R, N>, tensors: readonly tf.Tensor[]) => T): T => {
    if (tracing !== null)
      throw new KdError(
        'COMPILE_REFUSED',
        `${name}, which is compiled itself, is called while ${tracing} is traced: call the function that was compiled there.`,
      );
    const backend = currentBackend();
    const given = structureOf(args, `what ${name} is called with`);
    const { signature } = given;
    const known = cache.get(signature);
    if (known instanceof KdError) throw known;
    const gone = known?.captured.find((one) => one.isGone());
    if (gone !== undefined) {
      const refused = replaced(name, gone);
      cache.set(signature, refused);
      known!.dispose();
      throw refused;
    }
    if (known !== undefined) {
      inARow = 0;
      cache.delete(signature);
      cache.set(signature, known);
      return use(known, given.tensors);
    }
    const lines = filling.has(signature);
    const options = { watcher, inPlace, at, lines };
    const made = traced(signature, () => trace<R, N>(backend, fn as never, given, now, options));
    freeGarbage(backend.binding);
    makeRoom();
    if (made.kept.length === 0) return use(made, given.tensors);
    // This call gives values to what was kept. A cache is full now; what changes at every call would not.
    cache.delete(signature);
    try {
      if (lines) cache.set(signature, keeps(name, made.kept));
      filling.add(signature);
      return use(made, given.tensors);
    } finally {
      made.dispose();
    }
  };
  const called: typeof withTraced = (args, now, use) => {
    try {
      return withTraced(args, now, use);
    } catch (error) {
      throw refusedByXla(args, error);
    }
  };
  const compiled = (args: A, now: N): R => called(args, now, (made, tensors) => made.call(tensors, now));
  return Object.assign(compiled, {
    later: (args: A, now: N): Promise<R> =>
      called(args, now, (made, tensors) => {
        const coming = made.later?.(tensors) ?? Promise.resolve(made.call(tensors, now));
        return coming.catch((error: unknown) => Promise.reject(refusedByXla(args, error)));
      }),
    clear: () => {
      for (const entry of cache.values()) if (!(entry instanceof KdError)) entry.dispose();
      cache.clear();
      filling.clear();
    },
  });
}

/** Shape and line, as far as it is known. */
const told = ({ shape, line }: Pick<Met, 'shape' | 'line'>): string =>
  `${shape.length === 0 ? 'a scalar' : `[${shape.join(', ')}]`}${line === '' ? '' : ` at ${line}`}`;

const by = (at: string | null): string => (at === null ? '' : ` by ${at}`);

const keeps = (name: string, kept: readonly Outlived[]): KdError => {
  const one = kept.length === 1;
  const some = kept.slice(0, 3).map(told).join(', ');
  return new KdError(
    'COMPILE_REFUSED',
    `${name} cannot be compiled: ${one ? 'a tensor' : `${kept.length} tensors`} (${some}) that it makes at every call ${one ? 'is' : 'are'} kept beyond it${by(kept[0]!.at)}, and a compiled function would never change ${one ? 'it' : 'them'}. Keep what changes from step to step in a variable.`,
  );
};

const replaced = (name: string, gone: Met): KdError =>
  new KdError(
    'COMPILE_REFUSED',
    `${name} cannot be compiled: a tensor (${told(gone)}), which it was traced with${by(gone.at)}, was disposed of since, and a compiled function would go on with it. Keep what changes in a variable.`,
  );

/** Null for an error that is not about what XLA can compile. */
function xlaRefusal(name: string, error: unknown): KdError | null {
  const said = messageOf(error);
  const unknown = /Detected unsupported operations .*? XLA_\w+: (.*)/s.exec(said)?.[1];
  const inConstant = /node `?[^ ]+ with op (\w+) must be a compile-time constant/.exec(said)?.[1];
  const ops =
    unknown === undefined
      ? [inConstant].filter((op) => op !== undefined)
      : [...new Set([...unknown.matchAll(/(\w+) \(/g)].map(([, op]) => op!))];
  if (ops.length === 0) return null;
  return new KdError(
    'COMPILE_REFUSED',
    `${name} cannot be compiled: XLA has no way to compile ${ops.join(', ')}. Leave the option xla of the engine out.`,
    { cause: error },
  );
}

/** Null for an error that has nothing to do with tracing. */
function refusal(name: string, error: unknown): KdError | null {
  const root = rootOf(error);
  const said = isKdError(error) ? messageOf(error) : messageOf(root);
  if (isKdError(root) && root.code === 'COMPILE_REFUSED')
    return new KdError(
      'COMPILE_REFUSED',
      `${name} cannot be compiled: ${said.replace(/\.$/, '')}${offender(error)}.`.split('\n'),
      { cause: error },
    );
  const advice = ADVICE[root.code ?? ''];
  if (advice === undefined) return null;
  const [first, ...rest] = said.split('\n');
  return new KdError(
    'COMPILE_REFUSED',
    [`${name} cannot be compiled: ${first}${offender(error)}. ${advice}`, ...rest],
    {
      cause: error,
    },
  );
}

const ADVICE: Readonly<Record<string, string>> = {
  TRACE_READ: 'Compute with tensors what is decided by their values (tf.where, a mask), or set compile: false.',
  TRACE_SHAPE: 'Use a fixed number of rows and a mask, or set compile: false.',
  TRACE_RANDOM: 'Draw them with step.rng, which draws anew at each step; a seed gives the same numbers at every step.',
  TRACE_ENDED: 'Keep what changes from step to step in a variable.',
};
