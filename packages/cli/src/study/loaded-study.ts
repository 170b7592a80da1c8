import type { ResolvedStudy } from '@kd/core';
import type { LoadedConfig } from '../load-config.js';

/** A study with the configs that it names. */
export interface LoadedStudy {
  readonly file: string;
  readonly name: string;
  readonly study: ResolvedStudy;
  readonly student: LoadedConfig;
  readonly teachers: ReadonlyMap<string, LoadedConfig>;
}
