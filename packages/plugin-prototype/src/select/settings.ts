import { KdError } from '@kd/core';
import type { SelectOptions } from './types.js';

/** Every option with its value. */
export type SelectSettings = Required<Omit<SelectOptions, 'density' | 'signal'>> & {
  readonly density: Required<NonNullable<SelectOptions['density']>>;
  readonly signal: AbortSignal | undefined;
};

/** @throws KdError USAGE for a value out of its range */
export function selectSettings(options: SelectOptions = {}): SelectSettings {
  const settings: SelectSettings = {
    count: options.count ?? 10,
    similarity: options.similarity ?? 10,
    normalize: options.normalize ?? true,
    candidates: options.candidates ?? 'density',
    density: { bandwidth: 0.1, quantile: 0.4, exactRows: 8192, references: 4096, ...options.density },
    allowRepeat: options.allowRepeat ?? false,
    stopTolerance: options.stopTolerance ?? 1e-6,
    twinTolerance: options.twinTolerance ?? 1e-6,
    seed: options.seed ?? 0,
    signal: options.signal,
  };
  const { bandwidth, quantile, exactRows, references } = settings.density;
  const whole = (value: number): boolean => Number.isSafeInteger(value);
  need(whole(settings.count) && settings.count >= 1, 'count', settings.count, 'a whole number from 1');
  need(
    settings.similarity >= 0 && Number.isFinite(settings.similarity),
    'similarity',
    settings.similarity,
    'a number from 0',
  );
  need(
    settings.stopTolerance >= 0 && settings.stopTolerance < 1,
    'stopTolerance',
    settings.stopTolerance,
    'a number from 0, below 1',
  );
  need(
    settings.twinTolerance >= 0 && settings.twinTolerance < 1,
    'twinTolerance',
    settings.twinTolerance,
    'a number from 0, below 1',
  );
  need(bandwidth > 0 && Number.isFinite(bandwidth), 'density.bandwidth', bandwidth, 'a number above 0');
  need(quantile >= 0 && quantile < 1, 'density.quantile', quantile, 'a number from 0, below 1');
  need(whole(exactRows) && exactRows >= 1, 'density.exactRows', exactRows, 'a whole number from 1');
  need(whole(references) && references >= 2, 'density.references', references, 'a whole number from 2');
  return settings;
}

function need(holds: boolean, name: string, value: number, wanted: string): void {
  if (!holds)
    throw new KdError('USAGE', `Option "${name}" of the selection of prototypes is ${value}; it must be ${wanted}.`);
}
