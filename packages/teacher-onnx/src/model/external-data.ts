import { open, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { checkRegularFile, messageOf, shown } from '@kd/core';
import { type ModelProto, type TensorProto, TensorProto_DataLocation } from 'onnx-buf';
import type { ExternalFile } from './onnx-model.js';
import { teacherError } from './teacher-error.js';
import { tensorsOf } from './tensors.js';

/**
 * Reads the files that hold weights of a model. The model names them, so that a name must stay in the folder of the
 * model, links included: else a stranger's file could have any file of the machine read.
 * @throws KdError TEACHER_INVALID
 */
export async function readExternal(model: ModelProto, folder: string, file: string): Promise<ExternalFile[]> {
  const ends = new Map<string, number>();
  for (const tensor of tensorsOf(model)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const { location, end } = placeOf(tensor, file);
    ends.set(location, Math.max(end, ends.get(location) ?? 0));
  }
  const files: ExternalFile[] = [];
  for (const [path, end] of ends) files.push({ path, data: await bytesOf(path, end, folder, file) });
  return files;
}

function placeOf(tensor: TensorProto, file: string): { readonly location: string; readonly end: number } {
  const {
    location = '',
    offset = '0',
    length = '0',
  } = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]));
  const parts = location.split(/[\\/]/);
  if (location === '' || isAbsolute(location) || /^[a-z]:/i.test(location) || parts.includes('..'))
    throw teacherError(
      file,
      `the weights of ${shown(tensor.name)} are said to lie in ${shown(location)}`,
      'Weights are read from the folder of the model alone: put the file there, and export the model anew with its plain name.',
    );
  const end = Number(offset) + Number(length);
  if (!Number.isSafeInteger(end) || Number(offset) < 0 || Number(length) < 0)
    throw teacherError(
      file,
      `the weights of ${shown(tensor.name)} are said to be ${shown(length)} bytes from ${shown(offset)} on`,
      'Export it again.',
    );
  return { location, end };
}

async function bytesOf(path: string, end: number, folder: string, file: string): Promise<Buffer> {
  const whole = join(folder, path);
  let bytes: Buffer;
  try {
    await checkRegularFile(whole);
    const way = relative(await realpath(folder), await realpath(whole));
    if (way.startsWith('..') || isAbsolute(way)) throw new Error('it is a link out of the folder of the model');
    bytes = await readWhole(whole);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw teacherError(
      file,
      `its weights lie in ${shown(path)}, which ${missing ? 'is not there' : `could not be read: ${messageOf(cause)}`}`,
      'Put that file beside the model: the two belong together.',
      cause,
    );
  }
  if (bytes.length >= end) return bytes;
  throw teacherError(
    file,
    `its weights lie in ${shown(path)}, which ends after ${bytes.length} bytes of at least ${end}`,
    'Download or export both files again.',
  );
}

/** `readFile` takes no file beyond 2 GiB. */
async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const bytes = Buffer.alloc((await handle.stat()).size);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, done, Math.min(2 ** 30, bytes.length - done), done);
      if (bytesRead === 0) return bytes.subarray(0, done);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}
