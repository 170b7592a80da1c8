import type { Logger } from '../../logger.js';

/** Nobody else writes to the memory of a page. */
export const lockRunFolder =
  async (_folder: string, _logger: Logger): Promise<() => void> =>
  () => {};

export const writerOf = async (_folder: string): Promise<number | null> => null;
