import type { Detector } from '@kd/core';
import type { ExportOptions } from '@kd/export';

/** What `kd export` asks of a format. */
export interface FormatOptions extends Omit<ExportOptions, 'outputs'> {
  /** As asked for; a format says what it does without. */
  readonly outputs?: ExportOptions['outputs'];
  readonly weights: 'float32' | 'float16' | 'int8';
  /** `--out`, as it was typed. */
  readonly out: string;
}

/** What a format makes of a detector: nothing is written before all of it is there. */
export interface Exported {
  /** A file, or those of a folder by their names, with `/` between. */
  readonly content: Uint8Array | ReadonlyMap<string, Uint8Array | string>;
  /** What a person is told of it, a line each. */
  readonly lines: readonly string[];
  /** Text of a program that goes with it, for standard output alone. */
  readonly program?: string;
}

export type Format = (detector: Detector, options: FormatOptions) => Exported | Promise<Exported>;
