import { kmeans } from 'ml-kmeans';
import { chosenRows } from './chosen.js';
import { distinctRows, nearest, oneSpace, type Space } from './one-space.js';
import { selectSettings } from './settings.js';
import type { Selector } from './types.js';

export interface KMeansOptions {
  /** Whose features are clustered. Default `student`. */
  readonly space?: Space;
  /** Default 100. */
  readonly iterations?: number;
}

/**
 * For comparison: K-Means in one space, and the instances nearest to the centres, larger clusters first. A centre is no
 * instance, so it has
 * no counterpart in the other space. The filter of candidates is not used.
 */
export const selectKMeans =
  ({ space = 'student', iterations = 100 }: KMeansOptions = {}): Selector =>
  async (features, options) => {
    const settings = selectSettings(options);
    const one = oneSpace(features, space, settings);
    const distinct = distinctRows(one);
    if (distinct.length <= settings.count) return chosenRows(features, distinct, one.usable, settings);
    const points = Array.from(one.usable, (row) => [...one.vector(row)]);
    const { clusters, centroids } = kmeans(points, settings.count, { seed: settings.seed, maxIterations: iterations });
    const sizes = centroids.map((_, c) => clusters.filter((own) => own === c).length);
    const order = [...centroids.keys()].filter((c) => sizes[c]! > 0).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
    const taken = new Set<number>();
    for (const c of order) {
      const row = nearest(one, distinct, centroids[c]!, taken);
      if (row !== null) taken.add(row);
    }
    return chosenRows(features, [...taken], one.usable, settings);
  };
