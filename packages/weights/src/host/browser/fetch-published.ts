import type { BackboneName } from '@kd/core';
import { KdError } from '@kd/core/plain';
import type { PublishedWeights } from '../../published/published-weights.js';

const OTHERWISE =
  "published weights are fetched with pip, which a browser has not. Fetch them once with Node (init: 'pretrained' in a run there), serve the file as safetensors, put what the page fetches under a name with writeFileAtomic(NAME, bytes) of @kd/core, and write init: NAME.";

/** @throws KdError CHECKPOINT_INVALID always */
export async function fetchPretrained(_backbone: BackboneName | null, _tell: (line: string) => void): Promise<string> {
  throw new KdError('CHECKPOINT_INVALID', `init: 'pretrained': ${OTHERWISE}`);
}

/** @throws KdError CHECKPOINT_INVALID always */
export function publishedFile(_published: PublishedWeights): string {
  throw new KdError('CHECKPOINT_INVALID', OTHERWISE);
}

export const isFetched = async (_published: PublishedWeights): Promise<boolean> => false;
