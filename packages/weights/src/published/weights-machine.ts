import type { Python, RunCommand } from '@kd/core/wheels';
import type { PublishedWeights } from './published-weights.js';

/** What fetching asks of the machine; tests put their own in its place. */
export interface WeightsMachine {
  readonly cache: string;
  readonly run: RunCommand;
  readonly python: () => Promise<Python | null>;
  readonly published: readonly PublishedWeights[];
}
