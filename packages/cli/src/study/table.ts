import type { LoadedStudy } from './loaded-study.js';
import type { RunFigures } from './run-figures.js';
import { type Chance, chanceOf, deviation, differences, interval, mean, RESAMPLINGS } from './statistics.js';

/** A figure of a variant over its seeds, against the base. */
export interface Figure {
  readonly mean: number;
  /** Null for one seed. */
  readonly deviation: number | null;
  /** Null for the base itself, and where nothing can be compared. */
  readonly gain: {
    readonly value: number;
    readonly interval: readonly [number, number];
    readonly chance: Chance;
  } | null;
}

export interface VariantRow {
  readonly variant: string;
  /** Seeds that were trained to the end. */
  readonly seeds: readonly number[];
  /** What there is no figure of: `2: out of memory`. */
  readonly missing: readonly { readonly seed: number; readonly why: string }[];
  /** Null where no seed has ended. */
  readonly figure: Figure | null;
  readonly perClass: Readonly<Record<string, Figure | null>>;
  /** Means of the metric's other figures. */
  readonly others: Readonly<Record<string, number>>;
  readonly minutes: number | null;
  /** A step's time, that of the base being 1. */
  readonly cost: number | null;
  /** With those of the variants that it starts from. */
  readonly steps: number | null;
}

export interface StudyTable {
  readonly study: string;
  /** In words. */
  readonly data: string;
  readonly metric: string;
  readonly primary: string;
  readonly base: string;
  readonly images: number;
  readonly resamplings: number;
  readonly classes: readonly string[];
  readonly variants: readonly VariantRow[];
  readonly runs: readonly RunRow[];
}

export interface RunRow {
  readonly run: string;
  readonly missing: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly perClass: Readonly<Record<string, number>>;
  readonly interval: readonly [number, number] | null;
  readonly minutes: number | null;
  readonly steps: number | null;
}

export interface TableOf {
  readonly data: string;
  readonly classes: readonly string[];
  readonly metric: { readonly name: string; readonly primary: string };
}

export function studyTable(
  { name, study }: Pick<LoadedStudy, 'name' | 'study'>,
  { figures, images }: { readonly figures: readonly RunFigures[]; readonly images: number },
  { data, classes, metric }: TableOf,
): StudyTable {
  const { primary } = metric;
  const of = (variant: string): RunFigures[] => figures.filter(({ run }) => run.variant === variant);
  const base = of(study.base);
  const steps = (run: RunFigures): number | null => {
    const before = run.run.startsFrom && figures.find((one) => one.run.name === run.run.startsFrom!.name);
    const earlier = before ? steps(before) : 0;
    return run.done === null || earlier === null ? null : run.done.summary.steps + earlier;
  };
  const valueOf = ({ done }: RunFigures, label: number | null): number =>
    (label === null ? done!.result.metrics : done!.result.perClass[label]!.metrics)[primary] ?? -1;

  const figure = (own: readonly RunFigures[], label: number | null): Figure | null => {
    const values = own.map((run) => valueOf(run, label)).filter((value) => value >= 0);
    if (values.length === 0) return null;
    return { mean: mean(values), deviation: deviation(values), gain: gainOf(own, label) };
  };
  /** On the seeds that both have, where as many steps were trained. */
  const gainOf = (own: readonly RunFigures[], label: number | null): Figure['gain'] => {
    const pairs = own.flatMap((run) => {
      const other = base.find((one) => one.run.seed === run.run.seed && one.done !== null);
      return other === undefined || other === run || steps(other) !== steps(run) ? [] : [[run, other] as const];
    });
    const [values, others] = [0, 1].map((side) => pairs.map((pair) => valueOf(pair[side]!, label)));
    if (pairs.length === 0 || [...values!, ...others!].some((value) => value < 0)) return null;
    const samples = (side: number): Float64Array[] =>
      pairs.map((pair) => {
        const { primary: all, perClass } = pair[side]!.done!.resampled;
        return label === null ? all : perClass[label]!;
      });
    const range = interval(differences(samples(0), samples(1)));
    return {
      value: mean(values!) - mean(others!),
      interval: range,
      chance: chanceOf(range, values!, others!),
    };
  };
  const secondsOf = (runs: readonly RunFigures[]): number | null => {
    const seconds = runs.flatMap(({ done }) => done?.secondsPerStep ?? []);
    return seconds.length === 0 ? null : mean(seconds);
  };
  const baseSeconds = secondsOf(base);

  const variants = Object.keys(study.variants).map((variant): VariantRow => {
    const all = of(variant);
    const own = all.filter(({ done }) => done !== null);
    const seconds = secondsOf(own);
    return {
      variant,
      seeds: own.map(({ run }) => run.seed),
      missing: all.flatMap(({ run, missing }) => (missing === null ? [] : [{ seed: run.seed, why: missing }])),
      figure: figure(own, null),
      perClass: Object.fromEntries(classes.map((one, label) => [one, figure(own, label)])),
      others: meansOf(
        own.map(({ done }) => done!.result.metrics),
        primary,
      ),
      minutes: own.length === 0 ? null : mean(own.map(({ done }) => done!.summary.minutes)),
      cost: seconds === null || baseSeconds === null ? null : seconds / baseSeconds,
      steps: own.length === 0 ? null : steps(own[0]!),
    };
  });
  return {
    study: name,
    data,
    metric: metric.name,
    primary,
    base: study.base,
    images,
    resamplings: RESAMPLINGS,
    classes,
    variants,
    runs: figures.map((one) => ({
      run: one.run.name,
      missing: one.missing,
      metrics: one.done?.result.metrics ?? {},
      perClass: Object.fromEntries(
        (one.done?.result.perClass ?? []).map(({ category, metrics }) => [category.name, metrics[primary] ?? -1]),
      ),
      interval: one.done === null ? null : interval(one.done.resampled.primary),
      minutes: one.done?.summary.minutes ?? null,
      steps: steps(one),
    })),
  };
}

/** Figures with nothing to average are left out of their mean. */
function meansOf(all: readonly Readonly<Record<string, number>>[], without: string): Record<string, number> {
  const names = Object.keys(all[0] ?? {}).filter((name) => name !== without);
  return Object.fromEntries(
    names.map((name) => {
      const values = all.map((metrics) => metrics[name]!).filter((value) => value >= 0);
      return [name, values.length === 0 ? -1 : mean(values)];
    }),
  );
}
