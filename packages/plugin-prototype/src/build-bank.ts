import type { Logger, PassView, TapPair } from '@kd/core';
import type { Bank, BankInfo, BankLevel } from './bank-format.js';
import { instanceFeatures } from './instance-features.js';
import type { PrototypeOptions } from './options.js';
import { sampleInstances, type SampledInstance } from './sampling.js';
import {
  buildLevel,
  type LevelBank,
  selectDbscan,
  selectKMeans,
  type Selector,
  selectPursuit,
  selectRandom,
} from './select/index.js';

export interface BankContext {
  readonly id: string;
  readonly pairs: readonly TapPair[];
  readonly options: PrototypeOptions;
  readonly logger: Logger;
  /** The bank before: classes without instances keep its prototypes. */
  readonly previous: Bank | undefined;
}

/** Samples instances, pools them from both models and chooses prototypes for every class and level. */
export async function buildBank(view: PassView, { id, pairs, options, logger, previous }: BankContext): Promise<Bank> {
  const started = performance.now();
  const classes = view.categories.length;
  const rng = options.resample === 'fixed' ? view.rng.stream('sample') : view.rng.stream('sample', view.step);
  const sample = sampleInstances(view.images, { classes, maxImages: options.maxImages, minSide: options.minSide }, rng);
  const features = await instanceFeatures(view, sample, { pairs, cache: options.resample === 'fixed' });
  const labels = sample.instances.map(({ label }) => label);
  const made: LevelBank[] = [];
  for (const [level, pair] of pairs.entries()) {
    view.signal?.throwIfAborted();
    const widths = { teacherChannels: pair.teacher.channels, studentChannels: pair.student.channels };
    made.push(
      await buildLevel(
        { teacher: features.teacher[level]!, student: features.student[level]!, ...widths, labels },
        {
          classes,
          count: options.count,
          similarity: options.similarity,
          candidates: options.candidates,
          allowRepeat: options.allowRepeat,
          selector: selectorOf(options),
          seed: view.rng.stream('select').int(0, 2 ** 31 - 1),
          ...(view.signal && { signal: view.signal }),
          ...(previous && { previous: { ...widths, ...previous.levels[level]! } }),
        },
      ),
    );
  }
  const instances = new InstanceTable(view, sample.instances, previous);
  const levels = made.map((level) => bankLevel(level, instances, previous?.levels[made.indexOf(level)]));
  const bank: Bank = {
    info: {
      format: 2,
      step: view.step,
      epoch: view.epoch,
      classes: view.categories.map(({ name }) => name),
      images: instances.images,
      count: options.count,
      select: typeof options.select === 'string' ? options.select : 'function',
      sampled: sample.perClass,
      levels: pairs.map(({ student, teacher, stride }, level) => ({
        tap: student.name,
        stride,
        studentChannels: student.channels,
        teacherChannels: teacher.channels,
        classes: made[level]!.classes.map(({ source, instances: n, dropped, filterIgnored }) => ({
          source,
          instances: n,
          dropped,
          filterIgnored,
        })),
      })),
    },
    instances: instances.table(),
    levels: levels.map((level) => ({
      ...level,
      nearest: padded(level.nearest, instances.length, -1),
      cosine: padded(level.cosine, instances.length, 0),
    })),
  };
  tell(id, bank.info, made, logger, (performance.now() - started) / 1000);
  return bank;
}

function selectorOf({ select, space }: PrototypeOptions): Selector {
  if (typeof select === 'function') return select;
  return { pgm: selectPursuit, kmeans: selectKMeans({ space }), dbscan: selectDbscan({ space }), random: selectRandom }[
    select
  ];
}

/** The sampled instances, and behind them those of earlier banks that are still prototypes. */
class InstanceTable {
  readonly images: (number | string)[] = [];
  readonly #rows: { image: number; box: ArrayLike<number>; label: number }[] = [];
  readonly #places = new Map<number | string, number>();
  readonly #previous: Bank | undefined;
  readonly #kept = new Map<number, number>();

  constructor(view: PassView, sampled: readonly SampledInstance[], previous: Bank | undefined) {
    this.#previous = previous;
    for (const { image, box, label } of sampled) this.#add(view.images[image]!.id, box, label);
  }

  get length(): number {
    return this.#rows.length;
  }

  /** The row here of a row of the bank before. */
  keep(row: number): number {
    const { info, instances } = this.#previous!;
    const known = this.#kept.get(row);
    if (known !== undefined) return known;
    const added = this.#add(
      info.images[instances.image[row]!]!,
      instances.box.subarray(row * 4, row * 4 + 4),
      instances.label[row]!,
    );
    this.#kept.set(row, added);
    return added;
  }

  table(): Bank['instances'] {
    const box = new Float32Array(this.#rows.length * 4);
    this.#rows.forEach((row, i) => box.set(row.box, i * 4));
    return {
      image: Int32Array.from(this.#rows, ({ image }) => image),
      box,
      label: Int32Array.from(this.#rows, ({ label }) => label),
    };
  }

  #add(id: number | string, box: ArrayLike<number>, label: number): number {
    let image = this.#places.get(id);
    if (image === undefined) {
      image = this.images.push(id) - 1;
      this.#places.set(id, image);
    }
    return this.#rows.push({ image, box, label }) - 1;
  }
}

const bankLevel = (level: LevelBank, instances: InstanceTable, previous: BankLevel | undefined): BankLevel => ({
  teacher: level.teacher,
  student: level.student,
  offsets: level.offsets,
  instance: Int32Array.from(level.rows, (row, p) =>
    row >= 0 ? row : instances.keep(previous!.instance[level.kept[p]!]!),
  ),
  gain: level.gains,
  energy: Float64Array.from(level.classes, ({ initialEnergy }) => initialEnergy),
  explained: level.explained,
  nearest: level.nearest,
  cosine: level.cosine,
});

function padded<T extends Int32Array | Float32Array>(values: T, length: number, filler: number): T {
  const out = new (values.constructor as new (length: number) => T)(length).fill(filler) as T;
  out.set(values);
  return out;
}

/** What the person reads of a refresh. */
function tell(
  id: string,
  { sampled, images, classes, step }: BankInfo,
  levels: readonly LevelBank[],
  logger: Logger,
  seconds: number,
): void {
  const total = sampled.reduce((sum, { instances }) => sum + instances, 0);
  const prototypes = levels.map(({ rows }) => rows.length).join(', ');
  const left = levels.map(({ objective, classes: reports, offsets }) => {
    const energy = reports.reduce(
      (sum, { initialEnergy, source }) => sum + (source === 'chosen' ? initialEnergy : 0),
      0,
    );
    const rest = reports.reduce(
      (sum, { source }, c) => sum + (source === 'chosen' ? objective[offsets[c + 1]! - 1]! : 0),
      0,
    );
    // Of as many prototypes as instances nothing is left, by rounding a little less.
    return energy > 0 ? `${Math.max(0, (100 * rest) / energy).toFixed(0)} %` : '-';
  });
  logger.info(
    `${id}: prototypes of ${classes.length} classes from ${total} instances in ${images.length} images at step ${step}, finest level first: ${prototypes}; energy left: ${left.join(', ')} (${seconds.toFixed(1)} s)`,
  );
  const dropped = Math.max(0, ...levels.map((level) => level.classes.reduce((sum, one) => sum + one.dropped, 0)));
  if (dropped > 0)
    logger.warn(
      `${id}: ${dropped} of ${total} instances have features that are not finite, or images that could not be read; they cannot become prototypes.`,
    );
  const empty = classes.filter((_, c) => levels.every((level) => level.offsets[c + 1] === level.offsets[c]));
  if (empty.length > 0)
    logger.warn(
      `${id}: no prototypes for ${empty.join(', ')}: no instance is large enough (minSide). Their instances count fully, weight 1.`,
    );
}
