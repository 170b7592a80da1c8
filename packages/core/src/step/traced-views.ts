import type { Targets } from '../contract/detector.js';
import type { Progress } from '../contract/plugin.js';
import { KdError } from '../errors.js';

/** What a step tells of where it stands while it is traced: a number read then would stay that of one step. */
export function tracedProgress(): Progress {
  return refusing(['step', 'steps', 'epoch', 'epochs', 'fraction'], (name) => [
    `progress.${name} is read in the step`,
    'step.scalar(({ epoch }) => …) makes a tensor of it that every step gets anew',
  ]) as unknown as Progress;
}

/** Without the names of the images. */
export const tracedTargets = (targets: Omit<Targets, 'ids'>): Targets =>
  Object.defineProperties(
    refusing(['ids'], () => ['targets.ids is read in the step', 'look at images between steps']),
    Object.getOwnPropertyDescriptors(targets),
  ) as unknown as Targets;

function refusing(names: readonly string[], why: (name: string) => readonly [string, string]): object {
  const refused = (name: string) =>
    function read(): never {
      const [what, instead] = why(name);
      const error = new KdError('COMPILE_REFUSED', `${what}, and a compiled step would keep what it was: ${instead}.`);
      // It comes from the line that reads.
      Error.captureStackTrace?.(error, read);
      throw error;
    };
  return Object.defineProperties(
    {},
    Object.fromEntries(names.map((name) => [name, { enumerable: true, get: refused(name) }])),
  ) as object;
}
