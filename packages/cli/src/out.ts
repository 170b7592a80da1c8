import { printable } from '@kd/core/plain';

/** Results, on standard output: a line each. */
export const print = (...lines: readonly string[]): void => void process.stdout.write(text(lines));

/** One JSON value on standard output and nothing else. @param indent spaces; 0 is one line */
export const printJson = (value: unknown, indent = 2): void =>
  // Line breaks in JSON lie between its parts; those of a text are escaped already, some other signs are not.
  print(...JSON.stringify(value, null, indent).split('\n'));

/** What a person is told beside results, on standard error: a line each. */
export const tell = (...lines: readonly string[]): void => void process.stderr.write(text(lines));

const text = (lines: readonly string[]): string => lines.map((line) => `${printable(line)}\n`).join('');

/** The end of a line about images: files of their folders that are none. */
export const othersLeftOut = (others: number): string =>
  others === 0 ? '' : `; ${others} other ${others === 1 ? 'file' : 'files'} in the folders left out`;
