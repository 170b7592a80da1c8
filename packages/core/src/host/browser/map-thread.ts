import type { MapThread } from '../../run/map-answers.js';

/** A page has its files in memory and no thread that reads them: whoever wants maps reads them itself. */
export const mapThread = (_module: string, _ended: (why: string) => void): MapThread => ({
  read: async () => null,
  close: async () => {},
});
