import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { checkRegularFile, messageOf } from '@kd/core';
import { type ModelProto, ModelProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { readExternal } from './external-data.js';
import type { OnnxModel } from './onnx-model.js';
import { otherFile } from './other-files.js';
import { teacherError } from './teacher-error.js';
import { tensorsOf } from './tensors.js';

/** A message of protobuf cannot be larger. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * Reads a file of ONNX as data: nothing of it is run. Weights in files of their own are read from the folder of the
 * model and from nowhere else.
 * @throws KdError TEACHER_INVALID for a file that is missing, damaged, or something else
 */
export async function openModel(path: string, file = path): Promise<OnnxModel> {
  const bytes = await bytesOf(path, file);
  const proto = parsed(bytes, file);
  const { graph } = proto;
  if (graph === undefined || graph.node.length === 0)
    throw teacherError(file, 'it is no ONNX, or one without a graph', 'Give the .onnx that a program exported.');
  const external = await readExternal(proto, dirname(path), file);
  const hash = createHash('sha256').update(bytes);
  for (const { path: name, data } of external) hash.update(name).update(data);
  // Of Paddle they lie in nodes.
  const parameters = [...tensorsOf(proto)]
    .filter(({ dataType }) => LEARNED.has(dataType))
    .reduce((sum, { dims }) => sum + Number(dims.reduce((product, size) => product * size, 1n)), 0);
  return { file, proto, graph, external, parameters, fingerprint: hash.digest('hex').slice(0, 16) };
}

/** Constants of other types are shapes and indices, or belong to a quantised network. */
const LEARNED: ReadonlySet<number> = new Set([
  TensorProto_DataType.FLOAT,
  TensorProto_DataType.FLOAT16,
  TensorProto_DataType.DOUBLE,
  TensorProto_DataType.BFLOAT16,
]);

async function bytesOf(path: string, file: string): Promise<Buffer> {
  try {
    const size = await checkRegularFile(path);
    if (size <= MOST_BYTES) return await readFile(path);
  } catch (cause) {
    throw teacherError(file, `it could not be read: ${reason(cause)}`, 'Check the path.', cause);
  }
  throw teacherError(
    file,
    'it is larger than 2 GiB, which no ONNX is',
    'Export it with its weights in a file of their own (external data), beside it.',
  );
}

/** Of the system without the path, which is that of a machine. */
const reason = (cause: unknown): string => messageOf(cause).replace(/, (?:stat|open|read)\b.*$/, '');

function parsed(bytes: Buffer, file: string): ModelProto {
  if (bytes.length === 0) throw teacherError(file, 'it is empty', 'Download or export it again.');
  const other = otherFile(bytes.subarray(0, 512));
  if (other !== null) throw teacherError(file, `it is ${other.what}, no ONNX`, other.todo);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw teacherError(
      file,
      `it is no ONNX, or one that broke off: after ${bytes.length} bytes it does not end as it must (${messageOf(cause)})`,
      'Download or export it again.',
      cause,
    );
  }
}
