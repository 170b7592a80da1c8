import { isDeepStrictEqual } from 'node:util';
import { type Config, KdError, type ResolvedConfig, shownSetting } from '@kd/core';
import { shownPath } from '../shown-path.js';
import type { LoadedStudy } from './loaded-study.js';
import type { CheckedRun } from './study-runs.js';

/** What all variants must have alike, so that what they differ in is the method. */
const TERMS: Readonly<Record<string, (config: ResolvedConfig) => unknown>> = {
  epochs: ({ epochs }) => epochs,
  batchSize: ({ batchSize }) => batchSize,
  accumulate: ({ accumulate }) => accumulate,
  'data.train': ({ data }) => specOf(data.train),
  'data.val': ({ data }) => specOf(data.val),
  'evaluate.metric': ({ evaluate: { metric } }) => metric,
};

/** What a source was made from: two of the same are the same data. */
const specOf = (source: Config['data']['val']): unknown =>
  source !== undefined && 'open' in source && 'spec' in source ? source.spec : source;

/** @throws KdError CONFIG_INVALID naming what differs; for a study without validation data, too */
export function checkSameTerms(
  { file, study }: LoadedStudy,
  runs: readonly Pick<CheckedRun, 'variant' | 'parsed'>[],
): void {
  const of = (variant: string): ResolvedConfig => runs.find((run) => run.variant === variant)!.parsed;
  const base = of(study.base);
  if (base.data.val === undefined)
    throw new KdError(
      'CONFIG_INVALID',
      `${shownPath(file)}: its student has no validation data, so that nothing can be compared; add data.val to its config.`,
    );
  const ending = Object.keys(study.variants).find((variant) => of(variant).stop !== undefined);
  if (ending !== undefined)
    throw new KdError(
      'CONFIG_INVALID',
      `${shownPath(file)}: ${ending} has stop, and would end where it likes; variants train the same steps, or their figures say nothing of the method. Leave stop out.`,
    );
  const lines = Object.keys(study.variants).flatMap((variant) => {
    const config = of(variant);
    return Object.entries(TERMS).flatMap(([key, value]) => {
      const [own, other] = [value(config), value(base)];
      return isDeepStrictEqual(own, other)
        ? []
        : [`  variants.${variant}: ${key} is ${shownSetting(own)}, that of ${study.base} ${shownSetting(other)}`];
    });
  });
  if (lines.length === 0) return;
  throw new KdError('CONFIG_INVALID', [
    `${shownPath(file)}: variants must train the same steps on the same data, or their figures say nothing of the method. Set these in the student's config, or make studies of their own:`,
    ...lines,
  ]);
}
