import dbscan from '@cdxoo/dbscan';
import { createRng, KdError } from '@kd/core';
import { chosenRows } from './chosen.js';
import { distinctRows, nearest, oneSpace, type OneSpace, type Space, squaredDistance } from './one-space.js';
import { selectSettings } from './settings.js';
import type { Selector } from './types.js';

export interface DbscanOptions {
  /** Whose features are clustered. Default `student`. */
  readonly space?: Space;
  /**
   * Instances within it are neighbours (Euclidean). Default: the median distance of an instance to its
   * `minimumPoints`-th nearest.
   */
  readonly epsilon?: number;
  /** Neighbours, itself included, that make an instance a core of a cluster. Default 5. */
  readonly minimumPoints?: number;
  /** Above, so many random instances are clustered: every pair of them is measured. Default 1000. */
  readonly rows?: number;
}

/**
 * For comparison: DBSCAN in one space, and the instances nearest to the means of the clusters, larger clusters first;
 * where there are more
 * prototypes than clusters, the next nearest of each in turn. Noise belongs to no cluster. The filter of candidates is
 * not used.
 */
export const selectDbscan =
  ({ space = 'student', epsilon, minimumPoints = 5, rows = 1000 }: DbscanOptions = {}): Selector =>
  async (features, options) => {
    const settings = selectSettings(options);
    if (epsilon !== undefined && !(epsilon > 0))
      throw new KdError('USAGE', `Option "epsilon" of DBSCAN is ${epsilon}; it must be above 0.`);
    const one = oneSpace(features, space, settings);
    const all = distinctRows(one);
    const sampled =
      all.length <= rows
        ? all
        : createRng(settings.seed, 'dbscan')
            .shuffle(all)
            .slice(0, rows)
            .sort((a, b) => a - b);
    const distance = (a: number, b: number): number => Math.sqrt(squaredDistance(one.vector(a), one.vector(b)));
    const { clusters } = dbscan({
      dataset: sampled,
      epsilon: epsilon ?? usualDistance(sampled, distance, minimumPoints),
      epsilonCompare: (near, limit) => near <= limit,
      minimumPoints,
      distanceFunction: distance,
    });
    const members = clusters
      .map((places) => places.map((place) => sampled[place]!))
      .sort((a, b) => b.length - a.length || a[0]! - b[0]!);
    return chosenRows(features, inTurn(one, members, settings.count), one.usable, settings);
  };

/** From every cluster in turn the instance nearest to its mean that is not taken yet. */
function inTurn(one: OneSpace, clusters: readonly (readonly number[])[], count: number): number[] {
  const means = clusters.map((rows) => mean(one, rows));
  const taken = new Set<number>();
  for (let found = true; found && taken.size < count; ) {
    found = false;
    for (const [c, rows] of clusters.entries()) {
      const row = taken.size < count ? nearest(one, rows, means[c]!, taken) : null;
      if (row === null) continue;
      taken.add(row);
      found = true;
    }
  }
  return [...taken];
}

function mean(one: OneSpace, rows: readonly number[]): Float64Array {
  const sum = new Float64Array(one.channels);
  for (const row of rows) for (const [c, value] of one.vector(row).entries()) sum[c]! += value / rows.length;
  return sum;
}

function usualDistance(rows: readonly number[], distance: (a: number, b: number) => number, nth: number): number {
  const distances = rows.map(
    (row) => Float64Array.from(rows, (other) => distance(row, other)).sort()[Math.min(nth, rows.length) - 1]!,
  );
  return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 1;
}
