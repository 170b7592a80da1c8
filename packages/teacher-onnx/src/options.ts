import { tapsOption, teacherInput } from '@kd/core';
import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty());

/** How one tensor is read where its shape does not tell. */
const reading = v.strictObject({
  layout: v.optional(
    v.picklist(['nchw', 'nhwc', 'tokens'], 'must be "nchw", "nhwc" or "tokens" ([b, n, c] of a vision transformer)'),
  ),
  /** Of tokens: how many come before those of the patches, of a class and registers. */
  skip: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Pixels of the input per cell. */
  stride: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

export const optionsSchema = v.strictObject({
  /** The file, from the folder of the config. */
  model: text,
  input: teacherInput('nchw'),
  taps: tapsOption,
  /** By the name of the tensor. */
  maps: v.optional(v.record(text, reading)),
  /** Name of the input for images, where the file has several that could be it. */
  images: v.optional(text),
  /** Threads of onnxruntime; by default one a core. */
  threads: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))),
});

export type OnnxOptions = v.InferOutput<typeof optionsSchema>;
export type OnnxInput = v.InferInput<typeof optionsSchema>;
