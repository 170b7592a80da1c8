import { printable } from '../../printable.js';

// eslint-disable-next-line no-console
export const tell = (line: string): void => console.info(printable(line));
