import { KdError, type ResolvedConfig } from '@kd/core';
import type { FoundModel } from './open-model.js';
import { evaluationSettings } from './validation-data.js';

/** @throws KdError USAGE where the run measured with a metric that nothing but its config can make */
export function metricOfRun(found: FoundModel, path: string): ResolvedConfig['evaluate']['metric'] {
  const { metric = 'coco' } = evaluationSettings(found) as {
    metric?: string | [string, Record<string, unknown>] | { name: string } | null;
  };
  if (typeof metric === 'string' || Array.isArray(metric)) return metric;
  throw new KdError(
    'USAGE',
    `${path} was measured with "${String(metric?.name)}", a metric that its config made itself and that has no name to make it by; say which is meant with --metric, such as --metric coco.`,
  );
}
