/** One line for the person, on standard error. */
export const tell = (line: string): void => void process.stderr.write(`${line}\n`);
