import { printable } from '../../printable.js';

/** One line for the person, on standard error. */
export const tell = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
