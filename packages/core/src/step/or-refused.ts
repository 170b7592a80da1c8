import { isKdError } from '../errors.js';
import type { Logger } from '../logger.js';

/** What a compiled function gives, or null where it cannot be traced, which is told with what happens instead. */
export function orRefused<T>(run: () => T, logger: Pick<Logger, 'warn'>, instead: string): T | null {
  try {
    return run();
  } catch (error) {
    if (!isKdError(error) || error.code !== 'COMPILE_REFUSED') throw error;
    logger.warn(`${error.message} ${instead}`);
    return null;
  }
}
