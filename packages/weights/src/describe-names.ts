import { isKdError, type WeightsOptions } from '@kd/core';
import { type ImportedWeights, importStateDict } from './import-weights.js';
import type { WeightsFile } from './weights-file.js';

/** Which name map a file's names are of. */
export interface DescribedNames {
  /** Its id; `kd` for names of ours, null where none fits. */
  readonly map: string | null;
  /** Why, in words. */
  readonly told: string;
  /** What a detector's options have to say for this file. */
  readonly needs: readonly string[];
}

/** Which map the names of a file are of; no number of it is read. */
export function describeNames(weights: WeightsFile, meant: Omit<WeightsOptions, 'key'> = {}): DescribedNames {
  if (weights.metadata['detector'] !== undefined) return { map: 'kd', told: 'a checkpoint of @kd', needs: [] };
  try {
    const { map, told, needs }: ImportedWeights = importStateDict(weights.values, { where: weights.file, ...meant });
    return { map: told === '@kd' ? 'kd' : map, told, needs };
  } catch (error) {
    // Names of a student beside those of a teacher, say: what there is can be shown all the same.
    if (!isKdError(error) || Object.keys(meant).length > 0) throw error;
    return { map: null, told: error.message, needs: [] };
  }
}
