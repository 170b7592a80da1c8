import { constants } from 'node:os';

/**
 * Ctrl-C (or a termination) once asks the run to stop after the step at hand; a second time ends the process at once.
 * `end` hands the signals back.
 * @param said what the person is told
 */
export function stopSignal(said = 'stopping after this step, with a checkpoint; once more quits at once'): {
  readonly signal: AbortSignal;
  end(): void;
} {
  const controller = new AbortController();
  const onSignal = (name: 'SIGINT' | 'SIGTERM'): void => {
    if (controller.signal.aborted) process.exit(128 + constants.signals[name]);
    process.stderr.write(`\n${said}\n`);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    end: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
