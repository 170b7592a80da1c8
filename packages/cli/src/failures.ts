import { printJson, tell } from './out.js';

/** Exit codes: 1 for what went wrong, 2 for a command that was typed wrongly, 130 for Ctrl-C. */
export const FAILED = 1;
export const MISUSED = 2;
export const INTERRUPTED = 130;

interface Described {
  readonly code: string;
  readonly message: string;
  readonly stack?: string;
}

/** Recognised by its shape: importing core would cost a third of a second before any help is shown. */
function describe(error: unknown): Described {
  if (!(error instanceof Error)) return { code: 'UNEXPECTED', message: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  if (error.name === 'KdError' && typeof code === 'string') return { code, message: error.message };
  if (error.name === 'CACError')
    return { code: 'USAGE', message: `${error.message.replace(/`/g, '"')}; see kd --help` };
  return { code: 'UNEXPECTED', message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) };
}

/** An error in words. Lines of our own messages are lines; those in any other may be part of a name. */
export function failureLines(error: unknown): string[] {
  const { code, message } = describe(error);
  const lines = `error [${code}] ${message}`;
  return error instanceof Error && error.name === 'KdError' ? lines.split('\n') : [lines];
}

/** Tells an error, as JSON on standard output or in words on standard error, and gives the exit code. */
export function tellFailure(error: unknown, json: boolean): number {
  const { code, message, stack } = describe(error);
  if (json) printJson({ ok: false, error: { code, message } }, 0);
  else tell(...failureLines(error));
  if (stack !== undefined)
    tell(
      ...stack.split('\n').slice(1, 6),
      'This looks like a fault of kd itself: please report it with the lines above.',
    );
  return code === 'USAGE' ? MISUSED : FAILED;
}
