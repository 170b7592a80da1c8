import * as v from 'valibot';
import type { DatasetSource } from './contract/data.js';
import type { DetectorDefinition } from './contract/detector.js';
import type { Engine } from './contract/engine.js';
import type { Metric } from './contract/metric.js';
import type { PluginDefinition } from './contract/plugin.js';
import type { TeacherDefinition } from './contract/teacher.js';
import type { Use } from './define.js';
import { KdError } from './errors.js';
import { ID } from './id.js';
import { issueWords } from './issue-words.js';
import { entriesOf } from './derived-options.js';
import { MOST, positive } from './positive.js';
import { INHERITABLE } from './run/inherit.js';
import { usualPeriod } from './run/schedules.js';
import { shown } from './shown.js';
import { meansDetector, noTeacher, packageMeant } from './teacher-forms.js';
import { unseenFaults } from './unseen-faults.js';
import { weightsEntry } from './weights-options.js';

const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null;
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const atLeastOne = v.pipe(v.number(), v.integer(), v.minValue(1));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** What a definition function returned, or a name, or a name with options (and, for distillers, `{ as }`). */
const use = <Definition>() =>
  v.union(
    [
      v.pipe(v.string(), v.nonEmpty()),
      v.custom<Use<Definition>>(
        (value) => typeof value === 'object' && value !== null && 'definition' in value,
        'must be a name, [name, options] or the result of a plugin function',
      ),
      v.strictTuple([v.pipe(v.string(), v.nonEmpty()), v.record(v.string(), v.unknown())]),
      v.strictTuple([
        v.pipe(v.string(), v.nonEmpty()),
        v.record(v.string(), v.unknown()),
        v.strictObject({ as: v.pipe(v.string(), v.regex(ID, 'an id has letters, digits, - and _')) }),
      ]),
    ],
    ({ input }) =>
      `must be a name, [name, { options }], [name, { options }, { as: "an-id" }] or the result of a plugin function${packageMeant(input)}`,
  );

/** Those of `@kd/data`, for an editor to offer; another port may know more. */
type DataFormat = 'coco' | 'voc' | 'yolo' | 'labelme' | 'csv' | 'synthetic';
const format = v.pipe(v.string(), v.nonEmpty()) as v.GenericSchema<DataFormat | (string & {})>;

const detectorTeacher = v.strictObject({
  weights: weightsEntry,
  detector: v.optional(use<DetectorDefinition>()),
  /** What its classes are called in the data, beside those of one name: `{ person: 'pedestrian' }`. */
  classes: v.optional(v.record(v.string(), v.string())),
});
const otherTeacher = use<TeacherDefinition>();
type TeacherSchema = typeof detectorTeacher | typeof otherTeacher;

/** A detector with its weights, or a teacher of another family, named as everything else: its form says which. */
const teacherEntry = v.lazy((input): v.GenericSchema<v.InferInput<TeacherSchema>, v.InferOutput<TeacherSchema>> => {
  const other = typeof input === 'string' || Array.isArray(input) || (isRecord(input) && 'definition' in input);
  const none = v.custom<never>(
    () => false,
    ({ input: given }) => noTeacher(given),
  );
  return (other ? otherTeacher : meansDetector(input) ? detectorTeacher : none) as v.GenericSchema<
    v.InferInput<TeacherSchema>,
    v.InferOutput<TeacherSchema>
  >;
});

const source = v.union(
  [
    v.custom<DatasetSource>(
      (value) => typeof value === 'object' && value !== null && typeof (value as DatasetSource).open === 'function',
      'must be a data source',
    ),
    v.looseObject({ format }),
  ],
  ({ input }) =>
    `must be { format, … } or a data source, as voc(…), coco(…), yolo(…) and so on return${typeof input === 'string' ? `: write { format: ${shown(input)}, … }` : ''}`,
);

const decay = (byDefault: number) =>
  v.optional(v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(MOST)), byDefault);

const adamEntries = {
  lr: positive,
  betas: v.optional(v.tuple([fraction, fraction]), [0.9, 0.999]),
  eps: v.optional(positive, 1e-8),
};

/**
 * An optimiser with its rate, of a run and in options of plugins. SGD as detectors are trained with it, as in
 * torchvision's and mmdetection's recipes; torch's own is bare.
 */
export const optimizerOptions = v.variant('name', [
  v.strictObject({
    name: v.literal('sgd'),
    lr: positive,
    momentum: v.optional(fraction, 0.9),
    dampening: v.optional(fraction, 0),
    nesterov: v.optional(v.boolean(), false),
    weightDecay: decay(1e-4),
  }),
  v.strictObject({ name: v.literal('adamw'), ...adamEntries, weightDecay: decay(0.01) }),
  v.strictObject({ name: v.literal('adam'), ...adamEntries, weightDecay: decay(0) }),
]);

const schedule = v.pipe(
  v.strictObject({
    kind: v.optional(v.picklist(['constant', 'step', 'cosine']), 'constant'),
    milestones: v.optional(v.array(count), []),
    gamma: v.optional(positive, 0.1),
    floor: v.optional(fraction, 0),
    by: v.optional(v.picklist(['epoch', 'step'])),
    warmup: v.optional(v.strictObject({ steps: count, factor: v.optional(fraction, 0.001) })),
  }),
  v.transform((given) => ({ ...given, by: given.by ?? usualPeriod(given.kind) })),
);

/** The schema of a config. Every key that is not here is refused. */
export const configSchema = v.strictObject({
  seed: v.optional(v.pipe(v.number(), v.integer(), v.maxValue(Number.MAX_SAFE_INTEGER)), 0),
  engine: v.optional(
    v.union(
      [
        v.pipe(v.string(), v.nonEmpty()),
        v.custom<Engine>(
          (value) => typeof value === 'object' && value !== null && typeof (value as Engine).start === 'function',
        ),
      ],
      'must be the name of an engine, or an engine',
    ),
    'auto',
  ),
  /** Compile steps and the updates of weights to graphs, where the engine can; false runs them op by op. */
  compile: v.optional(v.boolean(), true),
  /**
   * What compiled steps compute convolutions in: `mixed` all of them, with their gradients, in fewer bits than the
   * rest; `{ teacher: 'bf16' }` those of teachers alone.
   */
  precision: v.optional(
    v.union(
      [
        v.picklist(['float32', 'mixed']),
        v.strictObject({ teacher: v.optional(v.picklist(['float32', 'bf16']), 'float32') }),
      ],
      "must be 'float32', 'mixed' or { teacher: 'bf16' }",
    ),
    {},
  ),
  student: use<DetectorDefinition>(),
  /** Weights that the student starts from. */
  init: v.optional(weightsEntry),
  /** Parts that the student starts with as the only teacher has them, where names and shapes agree. */
  inherit: v.optional(v.array(v.picklist(INHERITABLE)), []),
  teacher: v.optional(teacherEntry),
  /** Several, by names of their own: the option `teacher` of a distiller says which it learns from. */
  teachers: v.optional(
    v.pipe(
      v.record(v.pipe(v.string(), v.regex(ID, 'is no name: a name has letters, digits, - and _')), teacherEntry),
      v.minEntries(1, 'must name at least one teacher'),
    ),
  ),
  /** Keep the maps of teachers of features alone in the run folder, of pictures that are at most flipped. */
  cacheTeacher: v.optional(v.boolean()),
  distillers: v.optional(v.array(use<PluginDefinition>()), []),
  data: v.strictObject({
    train: source,
    val: v.optional(source),
    augment: v.optional(v.array(v.looseObject({ name: v.string() })), []),
    workers: v.optional(v.pipe(count, v.maxValue(256, 'must be at most 256')), 1),
    onBadImage: v.optional(v.picklist(['error', 'skip']), 'error'),
    /** Sizes that batches of the training are padded to, at most, where images are alike. */
    buckets: v.optional(v.pipe(atLeastOne, v.maxValue(64, 'must be at most 64')), 8),
  }),
  epochs: atLeastOne,
  batchSize: v.optional(atLeastOne, 8),
  accumulate: v.optional(atLeastOne, 1),
  optimizer: v.optional(optimizerOptions, { name: 'sgd', lr: 0.01 }),
  schedule: v.optional(schedule, {}),
  clipNorm: v.optional(v.nullable(positive), null),
  ema: v.optional(v.nullable(v.strictObject({ decay: fraction })), null),
  evaluate: v.optional(
    v.strictObject({
      /** Epochs between evaluations; 0 evaluates at the end only. */
      every: v.optional(count, 1),
      metric: v.optional(
        v.union(
          [
            v.string(),
            v.strictTuple([v.pipe(v.string(), v.nonEmpty()), v.record(v.string(), v.unknown())]),
            v.custom<Metric>(
              (value) =>
                typeof value === 'object' && value !== null && typeof (value as Metric).evaluate === 'function',
            ),
          ],
          'must be the name of a metric, [name, { options }], or a metric',
        ),
        'coco',
      ),
      batchSize: v.optional(atLeastOne),
    }),
    {},
  ),
  /**
   * Ends the run once a figure of the metric (default its primary one, by which the best checkpoint is chosen) has not
   * risen over so many evaluations in a row.
   */
  stop: v.optional(v.strictObject({ metric: v.optional(v.pipe(v.string(), v.nonEmpty())), patience: atLeastOne })),
  checkpoint: v.optional(v.strictObject({ every: v.optional(atLeastOne, 1), keep: v.optional(atLeastOne, 2) }), {}),
  log: v.optional(v.strictObject({ every: v.optional(atLeastOne, 10) }), {}),
  /** `kd train` leaves a page about the run in its folder unless this is false. */
  report: v.optional(v.boolean()),
});

/** What a person writes. */
export type Config = v.InferInput<typeof configSchema>;
/** The config with every default filled in. */
export type ResolvedConfig = v.InferOutput<typeof configSchema>;

/** Types a config, as `defineConfig` does elsewhere; it is checked when a run starts. */
export const defineConfig = (config: Config): Config => config;

/** @throws KdError CONFIG_INVALID naming every key that does not fit, with a suggestion for misspelt ones */
export function parseConfig(config: unknown, where: string): ResolvedConfig {
  const result = v.safeParse(configSchema, config);
  const unseen = unseenFaults(configSchema, config, 'key');
  const both =
    result.success && result.output.teacher !== undefined && result.output.teachers !== undefined
      ? ['  teachers: there is a teacher too; write all of them under teachers, or one as teacher']
      : [];
  if (result.success && unseen.length === 0 && both.length === 0) return result.output;
  const lines = [...unseen, ...both, ...(result.issues ?? []).map((issue) => `  ${describe(issue)}`)];
  throw new KdError('CONFIG_INVALID', [`${where} is not a valid config:`, ...lines]);
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? '';
  if (path === '') return issueWords(issue, configSchema, 'key');
  return `${path}: ${issue.received === 'undefined' ? 'is missing' : issueWords(issue, configSchema, 'key')}`;
}

/** The default of a key, which commands start from when they set something inside of it; undefined without one. */
export function defaultAt(path: readonly string[]): unknown {
  const inner = (node: unknown, key: string): unknown => {
    const entries = entriesOf(node) ?? {};
    return Object.hasOwn(entries, key) ? entries[key] : undefined;
  };
  const schema = path.reduce(inner, configSchema as unknown);
  return (schema as { readonly default?: unknown } | undefined)?.default;
}
