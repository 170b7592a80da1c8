import { printable } from '../printable.js';

/** One line about what is done before a run can begin: only long steps report. */
export interface Progress {
  readonly stage: 'download' | 'unpack' | 'compile' | 'wait' | 'check';
  readonly message: string;
  /** Bytes so far and in all, where they are known. */
  readonly done?: number;
  readonly total?: number;
}

export type OnProgress = (progress: Progress) => void;

export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/**
 * Plain lines on stderr: what a user sees who passed no `onProgress`. A download says a line each tenth.
 * @param what of what they are, `tensorflow`
 */
export function progressLines(
  what: string,
  write: (line: string) => void = (line) => void process.stderr.write(`${printable(line)}\n`),
): OnProgress {
  let tenth = -1;
  return ({ stage, message, done, total }) => {
    if (stage === 'download' && done !== undefined && total !== undefined) {
      const now = Math.floor((10 * done) / total);
      if (now === tenth) return;
      tenth = now;
      write(`[${what}] ${message}: ${megabytes(done)} of ${megabytes(total)}`);
      return;
    }
    write(`[${what}] ${message}`);
  };
}
