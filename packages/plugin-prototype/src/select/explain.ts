import { follow } from './follow.js';
import { rowsOf } from './in-memory.js';
import { selectSettings } from './settings.js';
import type { Explanation, PairedFeatures, SelectOptions } from './types.js';

/**
 * What the prototypes `picks` (rows of the features, in order of selection) say of every instance. The one that explains an instance best
 * is the one that removes most of its energy, both spaces together and less the similarity term: the gain of the selection is the sum of
 * these over the instances. The earlier one wins a tie.
 */
export function explain(features: PairedFeatures, picks: ArrayLike<number>, options?: Pick<SelectOptions, 'similarity' | 'normalize'>): Explanation {
  const n = rowsOf(features);
  const { teacher, student, removed, energy } = follow(features, picks, selectSettings(options));
  const best = new Int32Array(n).fill(-1);
  const share = new Float32Array(n);
  const explained = new Int32Array(picks.length);
  for (let i = 0; i < n; i++) {
    let most = 0;
    for (let j = 0; j < picks.length; j++) {
      if (!(removed[j * n + i]! > most)) continue;
      most = removed[j * n + i]!;
      best[i] = j;
    }
    if (best[i]! < 0) continue;
    explained[best[i]!]!++;
    share[i] = Math.min(1, most / energy[i]!);
  }
  return { teacher, student, best, share, explained };
}
