import { isKdError, type WeightsOptions } from '@kd/core';
import { type DescribedModel, describeModel } from './describe-model.js';
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
  /** What names and shapes tell of the model; null where no map fits. */
  readonly model: DescribedModel | null;
}

/** Which map the names of a file are of; no number of it is read. */
export function describeNames(weights: WeightsFile, meant: Omit<WeightsOptions, 'key'> = {}): DescribedNames {
  if (weights.metadata['detector'] !== undefined)
    return { map: 'kd', told: 'a checkpoint of @kd', needs: [], model: null };
  try {
    const found: ImportedWeights = importStateDict(weights.values, { where: weights.file, ...meant });
    const { told, needs } = found;
    const map = told === '@kd' ? 'kd' : found.map;
    return { map, told, needs, model: map === null ? null : describeModel(found.tensors, map) };
  } catch (error) {
    // Names of a student beside those of a teacher, say: what there is can be shown all the same.
    if (!isKdError(error) || Object.keys(meant).length > 0) throw error;
    return { map: null, told: error.message, needs: [], model: null };
  }
}
