import { constants } from 'node:os';
import { tell } from './out.js';

const PARENT_WATCH_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'] as const;
type Signal = (typeof SIGNALS)[number];

/**
 * The process that a run is a part of, in the environment of a run of `kd compare`: when it is gone, killed even, the
 * run stops as well.
 */
export const PARENT = 'KD_PARENT_PROCESS';

/** Before a command has begun its work, and where it keeps nothing of it. */
export function stoppedAtOnce(): void {
  tell('', 'stopped');
  process.exit(128 + constants.signals.SIGINT);
}

/**
 * Ctrl-C, a termination, a terminal that is closed or a reader of our output that went away (`| head`) asks the run to
 * stop after the step at hand; a second Ctrl-C or termination ends the process at once. `end` hands the signals back.
 * @param said what the person is told
 */
export function stopSignal(said = 'stopping after this step, with a checkpoint; once more quits at once'): {
  readonly signal: AbortSignal;
  end(): void;
} {
  const controller = new AbortController();
  process.off('SIGINT', stoppedAtOnce);
  const onSignal = (name: Signal): void => {
    if (!controller.signal.aborted) {
      controller.abort();
      tell('', said);
    } else if (name === 'SIGINT' || name === 'SIGTERM') process.exit(128 + constants.signals[name]);
    // A closed terminal is told several times, a closed pipe at every line.
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  const parent = process.env[PARENT];
  const watch =
    parent === undefined
      ? undefined
      : setInterval(() => process.ppid === Number(parent) || onSignal('SIGHUP'), PARENT_WATCH_MS).unref();
  return {
    signal: controller.signal,
    end: () => {
      clearInterval(watch);
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
