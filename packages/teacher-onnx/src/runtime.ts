import { toBinary } from '@bufbuild/protobuf';
import { KdError, messageOf } from '@kd/core';
import { ModelProtoSchema } from 'onnx-buf';
import type { InferenceSession } from 'onnxruntime-node';
import type { OnnxModel } from './model/onnx-model.js';
import { teacherError } from './model/teacher-error.js';

export type Runtime = typeof import('onnxruntime-node');

/**
 * onnxruntime, which people install beside this package.
 * @param load what imports it
 * @throws KdError PLUGIN_INVALID where it is not there or does not load
 */
export async function onnxruntime(load: () => Promise<unknown> = () => import('onnxruntime-node')): Promise<Runtime> {
  try {
    const loaded = (await load()) as Runtime & { readonly default?: Runtime };
    return loaded.default ?? loaded;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new KdError(
      'PLUGIN_INVALID',
      missing
        ? 'a teacher of ONNX runs on onnxruntime-node, which is not installed. To add it: pnpm add -D --ignore-scripts onnxruntime-node (its library for the CPU comes inside of the package; its install script would only fetch one for CUDA).'
        : `onnxruntime-node is installed and does not load: ${messageOf(cause)}. Install it anew: pnpm add -D --ignore-scripts onnxruntime-node`,
      { cause },
    );
  }
}

/**
 * Makes a model ready to run, on the CPU, with onnxruntime's own ops alone.
 * @throws KdError TEACHER_INVALID with what onnxruntime does not take
 */
export async function session(
  model: OnnxModel,
  options: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  const { InferenceSession } = await onnxruntime();
  let bytes: Uint8Array;
  try {
    bytes = toBinary(ModelProtoSchema, model.proto);
  } catch (cause) {
    throw teacherError(
      model.file,
      `it cannot be handed to onnxruntime: ${messageOf(cause)}`,
      'Export it with its weights in a file of their own (external data).',
      cause,
    );
  }
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      externalData: model.external.map(({ path, data }) => ({ path, data })),
      // Errors are thrown; its warnings, of weights that nobody reads say, tell a person nothing.
      logSeverityLevel: 4,
      ...options,
    });
  } catch (cause) {
    throw refused(model, cause);
  }
}

function refused(model: OnnxModel, cause: unknown): KdError {
  const said = ownWords(cause);
  const op =
    /No Op registered for ([\w.]+)/.exec(said)?.[1] ??
    /implementation for ([\w.]+)/.exec(said)?.[1] ??
    /([\w.]+:[\w.]+)\(-?\d+\) is not a registered function/.exec(said)?.[1];
  if (op !== undefined)
    return teacherError(
      model.file,
      `onnxruntime has no op ${op} that this file could use (${said})`,
      'Tap tensors that are computed before it, or export the network without it; libraries of custom ops are never loaded.',
      cause,
    );
  if (/IR version|opset \d+ is under development|Unsupported model/i.test(said))
    return teacherError(
      model.file,
      `it is newer than onnxruntime: ${said}`,
      'Take a newer onnxruntime-node (pnpm up --latest --ignore-scripts onnxruntime-node), or export with an older opset.',
      cause,
    );
  return teacherError(
    model.file,
    `onnxruntime refuses it: ${said}`,
    /shape ?inference/i.test(said)
      ? 'Give images of the size that it was exported for, or export it again with axes that may change.'
      : 'Export it again.',
    cause,
  );
}

/** What onnxruntime says, without the lines of its source that it says it in. */
export const ownWords = (cause: unknown): string =>
  messageOf(cause)
    .replace(/\/?\S*onnxruntime_src\/\S+(?: [\w:~<>]+\([^)]*\))?/g, '')
    .replace(/\s+/g, ' ')
    .replace(/[.\s]+$/, '')
    .trim();
