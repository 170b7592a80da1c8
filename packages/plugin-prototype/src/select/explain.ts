import { follow } from './follow.js';
import { rowsOf } from './in-memory.js';
import { selectSettings } from './settings.js';
import type { Explanation, PairedFeatures, SelectOptions } from './types.js';

/**
 * What the prototypes `picks` (rows of the features, in order of selection) say of every instance: its coefficients,
 * and which of them is
 * nearest to it, by the cosine of both spaces' rows laid side by side as the selection sees them. The earlier one wins
 * a tie. (The energy
 * that a prototype removes would tell them apart badly: the first one takes what all instances of a class share.)
 */
export function explain(
  features: PairedFeatures,
  picks: ArrayLike<number>,
  options?: Pick<SelectOptions, 'similarity' | 'normalize'>,
): Explanation {
  const n = rowsOf(features);
  const { teacher, student, inner, energy } = follow(features, picks, selectSettings(options));
  const nearest = new Int32Array(n).fill(-1);
  const cosine = new Float32Array(n);
  const explained = new Int32Array(picks.length);
  for (let i = 0; i < n; i++) {
    let most = -Infinity;
    for (let j = 0; j < picks.length; j++) {
      const norms = Math.sqrt(energy[i]! * energy[picks[j]!]!);
      if (norms === 0 || !(inner[j * n + i]! / norms > most)) continue;
      most = inner[j * n + i]! / norms;
      nearest[i] = j;
    }
    if (nearest[i]! < 0) continue;
    explained[nearest[i]!]!++;
    cosine[i] = Math.max(-1, Math.min(1, most));
  }
  return { teacher, student, nearest, cosine, explained };
}
