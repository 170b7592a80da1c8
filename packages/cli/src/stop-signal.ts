import { constants } from 'node:os';
import { tell } from './out.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'] as const;
type Signal = (typeof SIGNALS)[number];

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
  return {
    signal: controller.signal,
    end: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
