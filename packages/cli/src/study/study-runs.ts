import { join } from 'node:path';
import { type Config, KdError, type ResolvedConfig } from '@kd/core';
import type { LoadedConfig } from '../load-config.js';
import { laidOver } from '../overrides.js';
import { shownPath } from '../shown-path.js';
import type { LoadedStudy } from './loaded-study.js';

/** One training of a study. */
export interface StudyRun {
  /** Of its folder: `ssim-0`, `teacher-big`. */
  readonly name: string;
  /** Null for a teacher. */
  readonly variant: string | null;
  readonly seed: number;
  /** Runs that come before it. */
  readonly needs: readonly string[];
  /** The run whose last weights it starts from. */
  readonly startsFrom: { readonly name: string; readonly folder: string } | null;
  readonly config: Config;
  /** The config that it is made from: relative paths and plugins are looked up from there. */
  readonly from: LoadedConfig;
}

export interface CheckedRun extends StudyRun {
  /** The config with its defaults. */
  readonly parsed: ResolvedConfig;
}

/**
 * Every run, those that others need first, then seed after seed.
 * @param folder where their folders lie
 * @throws KdError CONFIG_INVALID
 */
export function studyRuns(loaded: LoadedStudy, folder: string): StudyRun[] {
  const { study, teachers } = loaded;
  if (!Object.hasOwn(study.variants, study.base))
    throw invalid(
      loaded,
      `base: there is no variant "${study.base}"; there are ${Object.keys(study.variants).join(', ')}`,
    );
  const runs = [
    ...[...teachers].map(([name, from]) => teacherRun(name, from)),
    ...study.seeds.flatMap((seed) => inOrder(loaded).map((variant) => variantRun({ loaded, folder, variant, seed }))),
  ];
  // Not every file system tells Alone from alone.
  const names = runs.map(({ name }) => name.toLowerCase());
  const twice = runs.find((_, i) => names.indexOf(names[i]!) !== i);
  if (twice !== undefined)
    throw invalid(
      loaded,
      `two of its runs would be called ${twice.name}, upper and lower case being the same; give one another name`,
    );
  return runs;
}

const teacherRun = (name: string, from: LoadedConfig): StudyRun => ({
  name: `teacher-${name}`,
  variant: null,
  seed: from.config.seed ?? 0,
  needs: [],
  startsFrom: null,
  config: from.config,
  from,
});

interface Place {
  readonly loaded: LoadedStudy;
  readonly folder: string;
  readonly variant: string;
  readonly seed: number;
}

function variantRun(place: Place): StudyRun {
  const { loaded, folder, variant, seed } = place;
  const where = `variants.${variant}`;
  const part = loaded.study.variants[variant]!;
  if (part.seed !== undefined) throw invalid(loaded, `${where}.seed: seeds are those of the study; leave it out`);
  const merged = { ...laidOver(loaded.student.config, part, where), seed };
  const needs: string[] = [];
  const needed = (run: string): string => {
    if (!needs.includes(run)) needs.push(run);
    return join(folder, run);
  };
  const config = withTeachers(merged, place, needed);
  const startsFrom =
    typeof config.init === 'string' && Object.hasOwn(loaded.study.variants, config.init)
      ? { name: `${config.init}-${seed}`, folder: needed(`${config.init}-${seed}`) }
      : null;
  return {
    name: `${variant}-${seed}`,
    variant,
    seed,
    needs,
    startsFrom,
    config: startsFrom === null ? config : { ...config, init: startsFrom.folder },
    from: loaded.student,
  };
}

type Teacher = NonNullable<Config['teacher']>;

/** Names of the study in place of teachers stand for the weights of their runs. */
function withTeachers(merged: Config, place: Place, needed: (run: string) => string): Config {
  const { teacher, teachers, ...config } = merged;
  // Nobody would learn from it.
  if ((config.distillers ?? []).length === 0 && (config.inherit ?? []).length === 0) return config;
  const entry = (given: Teacher): Teacher => {
    const run = typeof given === 'string' ? runOfTeacher(given, place) : null;
    return run === null ? given : { weights: needed(run) };
  };
  if (teachers !== undefined)
    return {
      ...config,
      ...(teacher !== undefined && { teacher }),
      teachers: Object.fromEntries(Object.entries(teachers).map(([name, given]) => [name, entry(given)])),
    };
  if (teacher !== undefined) return { ...config, teacher: entry(teacher) };
  const [first, ...more] = place.loaded.teachers.keys();
  if (more.length > 0)
    throw invalid(
      place.loaded,
      `variants.${place.variant}: has distillers, and the study several teachers; say which with teacher: ${[first, ...more].map((name) => `'${name}'`).join(' or ')}`,
    );
  if (first === undefined)
    throw invalid(
      place.loaded,
      `variants.${place.variant}: has distillers, and neither the study nor its student names a teacher; add teachers: { big: 'teacher.config.ts' } to the study, or teacher: { weights: '<run folder or checkpoint>' } to the student's config`,
    );
  return { ...config, teacher: entry(first) };
}

function runOfTeacher(name: string, { loaded, variant, seed }: Place): string | null {
  if (loaded.teachers.has(name)) return `teacher-${name}`;
  return Object.hasOwn(loaded.study.variants, name) && name !== variant ? `${name}-${seed}` : null;
}

/** Variants in an order in which each comes after those that it starts or learns from. */
function inOrder(loaded: LoadedStudy): string[] {
  const { variants } = loaded.study;
  const ordered: string[] = [];
  const visit = (name: string, way: readonly string[]): void => {
    if (way.includes(name))
      throw invalid(
        loaded,
        `variants ${[...way.slice(way.indexOf(name)), name].join(' from ')}: each would wait for the other`,
      );
    if (ordered.includes(name)) return;
    const { init, teacher, teachers } = variants[name]!;
    for (const other of [init, teacher, ...Object.values(teachers ?? {})])
      if (typeof other === 'string' && Object.hasOwn(variants, other) && !loaded.teachers.has(other))
        visit(other, [...way, name]);
    ordered.push(name);
  };
  for (const name of Object.keys(variants)) visit(name, []);
  return ordered;
}

const invalid = ({ file }: LoadedStudy, what: string): KdError =>
  new KdError('CONFIG_INVALID', [`${shownPath(file)} is not a valid study:`, `  ${what}`]);
