import type { KeptMaps, WantedMaps } from './kept-maps.js';

/** What it answers, in the order of the jobs; null where it cannot read one of the files. */
export type MapAnswer = KeptMaps | null;

/** A thread that reads, checks and decodes kept maps while a step holds this one. */
export interface MapThread {
  /** Null where a file cannot be read: whoever wants it then reads it here, and tells what is wrong. */
  read(job: WantedMaps): Promise<MapAnswer>;
  close(): Promise<void>;
}
