import type { ResolvedConfig } from '../config.js';
import type { Dataset } from '../contract/data.js';
import type { EarlyEnd } from '../contract/listener.js';
import type { Metric, MetricResult } from '../contract/metric.js';
import { KdError, suggestion } from '../errors.js';
import type { Logger } from '../logger.js';

/** `stop` of a config with the figure that it watches. */
export interface StopRule {
  readonly metric: string;
  readonly patience: number;
}

/** The best of the figure so far, and how many evaluations came after it. */
export interface Waited {
  readonly metric: string;
  readonly best: number;
  readonly step: number;
  readonly evaluations: number;
}

/**
 * The rule, once all that it needs is there.
 * @throws KdError CONFIG_INVALID for a figure that the metric has not, and where there are no evaluations to count
 */
export function stopRule(
  { stop, evaluate: { every } }: ResolvedConfig,
  { metric, val }: { readonly metric: Metric; readonly val: Dataset | null },
): StopRule | null {
  if (stop === undefined) return null;
  if (val === null)
    throw new KdError(
      'CONFIG_INVALID',
      'stop counts evaluations, and there are no validation data to evaluate on: add data.val, or drop stop.',
    );
  if (every === 0)
    throw new KdError(
      'CONFIG_INVALID',
      'stop counts evaluations, and evaluate.every: 0 evaluates at the end only: give evaluate.every 1 or more, or drop stop.',
    );
  const { metric: figure = metric.primary, patience } = stop;
  checkFigure(figure, metric, figuresOfNothing(metric, val));
  return { metric: figure, patience };
}

/** Tells of a rule that cannot end its run. */
export function warnOfPatience(rule: StopRule | null, { epochs, evaluate }: ResolvedConfig, logger: Logger): void {
  if (rule !== null && earliestStop(rule, { epochs, every: evaluate.every }) === null)
    logger.warn(
      `stop never ends this run: in ${epochs} epochs there are ${Math.ceil(epochs / evaluate.every)} evaluations, and a patience of ${rule.patience} is over after ${rule.patience + 1} at the earliest, before the last.`,
    );
}

/** The epoch (from 1) after which a rule ends a run at the earliest; null where never before its own end. */
export function earliestStop(
  { patience }: StopRule,
  { epochs, every }: { readonly epochs: number; readonly every: number },
): number | null {
  const epoch = (patience + 1) * every;
  return epoch < epochs ? epoch : null;
}

/** The names, before anything is trained; a metric of somebody else's may want images. */
function figuresOfNothing(metric: Metric, { categories }: Dataset): MetricResult['metrics'] | null {
  try {
    return metric.evaluate({ categories, images: [] }, []).metrics;
  } catch {
    return null;
  }
}

function checkFigure(figure: string, metric: Metric, figures: MetricResult['metrics'] | null): void {
  if (figures === null || Object.hasOwn(figures, figure)) return;
  const names = Object.keys(figures);
  throw new KdError(
    'CONFIG_INVALID',
    `stop.metric: the metric "${metric.name}" gives no ${JSON.stringify(figure)}; ${[suggestion(figure, names), `it gives ${names.join(', ')}.`].filter(Boolean).join(' ')}`,
  );
}

/** @throws KdError CONFIG_INVALID for a figure that the metric turns out not to give, or that is of nothing */
export function afterEvaluation(
  { metric: figure }: StopRule,
  before: Waited | null,
  {
    metric,
    metrics,
    step,
  }: { readonly metric: Metric; readonly metrics: MetricResult['metrics']; readonly step: number },
): Waited {
  checkFigure(figure, metric, metrics);
  const value = metrics[figure]!;
  // Of a metric, -1 is nothing to average; it would never rise.
  if (value === -1)
    throw new KdError(
      'CONFIG_INVALID',
      `stop.metric: the validation data have no objects that "${figure}" counts, so that it never rises; watch another figure, or drop stop.`,
    );
  const known = before?.metric === figure ? before : null;
  return known === null || Number.isNaN(known.best) || value > known.best
    ? { metric: figure, best: value, step, evaluations: 0 }
    : { ...known, evaluations: known.evaluations + 1 };
}

/** Null while there is patience left. */
export function outOfPatience(rule: StopRule | null, waited: Waited | null): EarlyEnd | null {
  if (rule === null || waited?.metric !== rule.metric || waited.evaluations < rule.patience) return null;
  const { metric, best, step, evaluations } = waited;
  return {
    by: 'stop',
    why: `${metric} has not risen over ${evaluations} ${evaluations === 1 ? 'evaluation' : 'evaluations'}: it was best, ${best.toFixed(4)}, after step ${step}`,
  };
}
