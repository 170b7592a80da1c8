import { tell } from '#host/tell';

/** Where messages for the person go. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** Warnings and notes on standard error, so that standard output stays free for results. */
export const consoleLogger: Logger = {
  info: (message) => void tell(message),
  warn: (message) => void tell(`warning: ${message}`),
};

export const silentLogger: Logger = { info: () => {}, warn: () => {} };

/** A logger that says a message once. */
export function warnOnce(logger: Logger): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (said.has(message)) return;
    said.add(message);
    logger.warn(message);
  };
}
