import type { MapInfo } from './map-layout.js';

/** Strides of the levels of a feature pyramid. */
const FITTING = { least: 4, most: 128 };

/** Of every stride the last map before the network first goes on to a coarser one, or ends. */
export function stageEnds<One extends MapInfo>(maps: readonly One[]): Set<One> {
  const ends = new Map<number, One>();
  let coarsest = 0;
  for (const map of maps) {
    if (map.stride < coarsest) {
      // Behind the coarsest map finer ones come from a neck: the backbone has ended.
      if (ends.has(map.stride)) break;
      continue;
    }
    coarsest = map.stride;
    ends.set(map.stride, map);
  }
  return new Set([...ends.values()].filter(({ stride }) => stride >= FITTING.least && stride <= FITTING.most));
}
