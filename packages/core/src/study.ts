import * as v from 'valibot';
import { type Config, configSchema } from './config.js';
import { isObject } from './is-object.js';
import { parseOptions } from './options.js';

/** What a variant changes: keys of a config, laid over the student's as `--set` does. */
export type StudyVariant = {
  readonly [Key in keyof Config]?: Key extends 'data' | 'optimizer' | 'schedule' ? Partial<Config[Key]> : Config[Key];
};

/** Which method pays: one student, trained in several ways, with the same seeds, steps and data. */
export interface Study {
  /** The config that every run starts from, or the path of one; relative paths in it start where it lies. */
  readonly student: string | Config;
  /**
   * Configs, or their paths, that are trained first, once each. A variant with distillers learns from the only one, or
   * says which: `teacher: 'big'`.
   */
  readonly teachers?: Readonly<Record<string, string | Config>>;
  /**
   * By name. `init: 'alone'` starts from the last weights of another variant of the same seed, and `teacher: 'alone'`
   * learns from one.
   */
  readonly variants: Readonly<Record<string, StudyVariant>>;
  /** Other data to tell the same figures of, such as a test split: last weights, once training is over. */
  readonly test?: NonNullable<Config['data']['val']>;
  /** Default: 0, 1, 2. */
  readonly seeds?: readonly number[];
  /** The variant that gains are measured from. Default: `alone`, else the first. */
  readonly base?: string;
}

export interface ResolvedStudy extends Required<Omit<Study, 'test'>>, Pick<Study, 'test'> {}

/** Names of variants and teachers are names of folders. */
const named = <Value>(value: v.GenericSchema<Value>) =>
  v.record(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z][\w-]{0,63}$/, 'is no name: a name has letters, digits, - and _, 64 of them at most'),
    ),
    value,
  );

const record = v.custom<Config & StudyVariant>(isObject, 'must be an object');
const config = v.union([v.pipe(v.string(), v.nonEmpty()), record], 'must be a config or the path of one');

const studySchema = v.strictObject({
  student: config,
  teachers: v.optional(named(config), {}),
  variants: v.pipe(named(record), v.minEntries(1, 'must name at least one variant')),
  test: configSchema.entries.data.entries.val,
  seeds: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))),
      v.minLength(1, 'must hold at least one seed'),
      v.check((seeds) => new Set(seeds).size === seeds.length, 'must hold each seed once'),
    ),
    [0, 1, 2],
  ),
  base: v.optional(v.string()),
});

/** Types a study, as `defineConfig` does a config; it is checked when `kd compare` starts. */
export const defineStudy = (study: Study): Study => study;

/** @throws KdError CONFIG_INVALID naming every key that does not fit */
export function parseStudy(study: unknown, where: string): ResolvedStudy {
  const { base, test, ...parsed } = parseOptions(studySchema, study, where);
  const names = Object.keys(parsed.variants);
  return { ...parsed, ...(test && { test }), base: base ?? (names.includes('alone') ? 'alone' : names[0]!) };
}
