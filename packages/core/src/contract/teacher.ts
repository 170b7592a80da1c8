import type { StandardSchemaV1 } from '@standard-schema/spec';
import type * as tf from '@tensorflow/tfjs-core';
import type { Category, HostBatch, PreparedImages, TeacherInput } from './data.js';
import type { Predictions, TapInfo } from './detector.js';
import type { Logger } from '../logger.js';

/** A batch as a teacher of another family reads it: prepared by its own rule, from the student's augmented images. */
export interface TeacherImages extends PreparedImages {
  readonly ids: HostBatch['ids'];
}

export interface TeacherOutput {
  /** The wanted taps by name, each [b, h, w, c] of float32. Whoever called disposes them. */
  readonly maps: Readonly<Record<string, tf.Tensor4D>>;
  /** Maps before activation, where it has any: for plugins that know this teacher. */
  readonly predictions?: Predictions;
}

/** A teacher of any family: features, and no classes, heads or losses. It is frozen. */
export interface Teacher {
  readonly name: string;
  /** How images become its input. Boxes never pass through it. */
  readonly input: TeacherInput;
  /** What it can give: name, pixels of its input per cell, channels. They meet the student's by stride. */
  readonly taps: readonly TapInfo[];
  /**
   * Changes when its weights do, wherever their file lies: a hash of them. A run goes on, and reads what it kept, only
   * with the same.
   */
  readonly fingerprint: string;
  /** What its predictions stand for, where it has any. */
  readonly categories?: readonly Category[];
  /** Numbers that it has learned, and the file that they are in: for people. */
  readonly parameters?: number;
  readonly file?: string;
  /** Its options with what follows from others worked in: a run records what the schema of the options knows. */
  readonly config?: object;
  /**
   * Runs before the student's forward, outside of any tape and tidy; one call at a time. A map has, for `h` pixels of
   * the input, h / stride cells, up to one more or less.
   * @param wanted names of taps; the others should cost nothing
   */
  forward(images: TeacherImages, wanted: readonly string[]): TeacherOutput | Promise<TeacherOutput>;
  dispose(): void | Promise<void>;
}

export interface TeacherContext {
  /** Relative paths in the options are found from here: the folder of the config. */
  readonly folder: string;
  readonly logger: Logger;
  /** The engine's door to native ops, where it has one. */
  readonly runOp?: import('./engine.js').Engine['runOp'];
}

export interface TeacherDefinition<Options = unknown> {
  readonly kind: 'teacher';
  readonly name: string;
  /** Version of the contract, not of the package. */
  readonly apiVersion: number;
  /** Schema of the options, any Standard Schema; `teacherInput` is one for the option `input`. */
  readonly options: StandardSchemaV1<unknown, Options>;
  create(options: Options, context: TeacherContext): Teacher | Promise<Teacher>;
}
