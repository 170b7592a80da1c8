import type { Hooks } from '../contract/plugin.js';
import { isKdError, KdError, messageOf } from '../errors.js';

/** Runs a hook; what it throws becomes an error that names plugin and hook, and so does a promise where none may be. */
export function guarded<T>(id: string, hook: string, run: () => T): T {
  let result: T;
  try {
    result = run();
  } catch (cause) {
    throw failureOf(id, hook, cause);
  }
  if (isPromise(result) && hook === WAITED_FOR)
    return result.then(undefined, (cause: unknown) => {
      throw failureOf(id, hook, cause);
    }) as T;
  if (isPromise(result)) {
    result.then(undefined, () => {});
    const why = ON_THE_TAPE.has(hook)
      ? 'hooks of a step run inside of the tape and must return at once'
      : 'nobody waits for it; it must return at once';
    throw new KdError(
      'PLUGIN_HOOK',
      `${id}.${hook} returned a promise; ${why}. Use datasetPass.run for work that waits.`,
    );
  }
  return result;
}

/**
 * What a hook threw, by the names of plugin and hook. An error of core, or of a helper, keeps its code and names them
 * once.
 */
function failureOf(id: string, hook: string, cause: unknown): KdError {
  if (!isKdError(cause)) return new KdError('PLUGIN_HOOK', `${id}.${hook} threw: ${messageOf(cause)}`, { cause });
  const named = new RegExp(`^(distiller |plugin )?"?${id}\\b`).test(cause.message);
  return named ? cause : new KdError(cause.code, `${id}.${hook}: ${cause.message}`.split('\n'), { cause });
}

const WAITED_FOR: keyof Hooks = 'state';
const ON_THE_TAPE: ReadonlySet<string> = new Set<keyof Hooks>(['headForward', 'lossCompose', 'stats', 'schedule']);

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
